import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import pg from 'pg';

// npm test [-- vitest arguments]: the suite on the embedded PostgreSQL, then on a real one. In CI a missing one is a failure.
const vitest = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs');
const run = (name: string, url: string | undefined) => {
  console.log(`\n${name}`);
  const env = { ...process.env, TEST_DATABASE_URL: url ?? '' };
  return spawnSync(process.execPath, [vitest, 'run', ...process.argv.slice(2)], { stdio: 'inherit', env }).status ?? 1;
};

const embedded = run('The suite on the embedded PostgreSQL', undefined);
if (embedded !== 0) process.exit(embedded);
const url = await reachable();
if (url) process.exit(run('The suite on a real PostgreSQL', url));
console.log('\nNo PostgreSQL was reached (TEST_DATABASE_URL, or 127.0.0.1:5432): the suite ran on the embedded one only.');
process.exit(process.env.CI ? 1 : 0);

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
