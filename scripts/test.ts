import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

// npm test [-- vitest arguments]: the suite on the embedded PostgreSQL, then on a real one. In CI a missing one is a failure.
const vitest = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs');

// What of the verifier is tested without a server needs no database, and is not run again on another one.
const withoutServer = 'packages/verifier/test/!(package|server).test.ts';

const embedded = run('The suite on the embedded PostgreSQL', undefined);
const url = await reachable();
if (!url) {
  console.log('\nNo PostgreSQL was reached (TEST_DATABASE_URL, or 127.0.0.1:5432): the suite ran on the embedded one only.');
  if (process.env.CI) process.exit(1);
}
const real = url ? run('The suite on a real PostgreSQL', url, [`--exclude=${withoutServer}`, '--passWithNoTests']) : 0;
console.log(`\nOn the embedded PostgreSQL ${embedded} tests passed, on a real one ${real}.`);
console.log(`${embedded + real} passed, 0 failed`);

/** Runs the suite and answers how many tests passed; ends the process when one did not. */
function run(name: string, url: string | undefined, flags: readonly string[] = []): number {
  console.log(`\n${name}`);
  const folder = mkdtempSync(join(tmpdir(), 'fieldgate-'));
  const report = join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const env = { ...process.env, TEST_DATABASE_URL: url ?? '' };
  const { status } = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...flags, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env,
  });
  if (status !== 0) process.exit(status ?? 1);
  const { numPassedTests } = JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number };
  rmSync(folder, { recursive: true });
  return numPassedTests;
}

async function reachable() {
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
