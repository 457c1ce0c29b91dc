import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

// npm test [-- vitest arguments]  the suite on PostgreSQL, and the contract of the embedded database; the suite on the embedded database
//                                 if no PostgreSQL answers, which is a failure in CI. With arguments, no contract.
// npm run test:all                the suite on both.

const vitest = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs');

/** What the embedded database must do as PostgreSQL does, and one flow of each module. */
const embeddedContract = [
  'test/server/database.test.ts', // start, migrations, lock file
  'test/cli/admin.test.ts', // commands while no server runs
  'test/mail/outbox.test.ts', // a commit that fails, a transaction that is rolled back
  'test/token/token-revoked-delivery.test.ts', // LISTEN
  'test/authorization/statements.test.ts', // statements per operation
  'test/authorization/visibility.test.ts',
  'test/account/delete-account.test.ts',
  'test/audit/purge-events.test.ts',
  'test/auth/refresh.test.ts',
  'test/auth/register-confirmation.test.ts',
  'test/domain/update-domain.test.ts',
  'test/invitation/accept-invitation.test.ts',
  'test/job/jobs.test.ts',
  'test/oauth/revoke.test.ts',
  'test/pages/form-page.test.ts',
  'test/role/grant-role.test.ts',
  'test/role/last-superadmin.test.ts',
  'test/token/revoke-tokens.test.ts',
  'test/user/users.test.ts',
];

/** Tests that need no database, or a separate one: they are not repeated on a second one. */
const independentOfDatabase = ['--project=!docs', '--project=!browser', '--exclude=packages/verifier/test/!(package|server).test.ts'];

const missing = embeddedContract.filter((file) => !existsSync(join(import.meta.dirname, '..', file)));
if (missing.length > 0) throw new Error(`The contract names files that do not exist: ${missing.join(', ')}`);

const isEverything = process.argv[2] === '--all';
const filters = process.argv.slice(isEverything ? 3 : 2);
const url = await findPostgres();
if (!url) {
  console.log('\nNo PostgreSQL answers at TEST_DATABASE_URL or 127.0.0.1:5432: the suite runs on the embedded database only.');
  if (process.env.CI) process.exit(1);
}
const passed = url ? runBoth(url) : run('The suite on the embedded database', undefined, filters);
console.log(`${passed} passed, 0 failed`);

function runBoth(url: string): number {
  const onServer = run('The suite on PostgreSQL', url, filters);
  if (filters.length > 0 && !isEverything) return onServer;
  const embedded = isEverything
    ? run('The suite on the embedded database', undefined, [...independentOfDatabase, '--passWithNoTests', ...filters])
    : run('The contract of the embedded database', undefined, embeddedContract);
  console.log(`\n${onServer} tests succeeded on PostgreSQL, ${embedded} on the embedded database.`);
  return onServer + embedded;
}

/** Runs vitest and returns how many tests passed; exits if one failed. */
function run(name: string, url: string | undefined, args: readonly string[]): number {
  console.log(`\n${name}`);
  const folder = mkdtempSync(join(tmpdir(), 'fieldgate-'));
  const report = join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const env = { ...process.env, TEST_DATABASE_URL: url ?? '' };
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...args], { stdio: 'inherit', env });
  if (status !== 0) process.exit(status ?? 1);
  const { numPassedTests } = JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number };
  rmSync(folder, { recursive: true });
  return numPassedTests;
}

/** The PostgreSQL to test on; undefined if it does not answer. */
async function findPostgres(): Promise<string | undefined> {
  const url = process.env.TEST_DATABASE_URL || `postgresql://${process.env.PGUSER ?? process.env.USER ?? 'root'}@127.0.0.1:5432/postgres`;
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  try {
    await client.connect();
    await client.end();
    return url;
  } catch {
    return undefined;
  }
}
