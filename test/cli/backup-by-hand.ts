import { execFile } from 'node:child_process';
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { isEmbedded } from '../test-database.ts';

const run = promisify(execFile);

/** Backs up and restores the database of a test environment as docs/operations.md describes. An embedded one must not be in use. */
export function backupOf({ DATABASE_URL = '' }: Record<string, string>, folder: string) {
  const dump = join(folder, 'backup.dump');
  const dataFolder = join(folder, 'postgres');

  async function backUp() {
    if (isEmbedded) await cp(dataFolder, dump, { recursive: true });
    else await run('pg_dump', ['--format=custom', `--file=${dump}`, DATABASE_URL]);
  }

  async function restoreBackup() {
    if (isEmbedded) {
      await rename(dataFolder, `${dataFolder}.old`);
      await cp(dump, dataFolder, { recursive: true });
      return rm(`${dataFolder}.old`, { recursive: true });
    }
    const url = new URL(DATABASE_URL);
    const name = url.pathname.slice(1);
    const client = new pg.Client({ connectionString: Object.assign(url, { pathname: '/postgres' }).href });
    await client.connect();
    await client.query(`drop database ${name} with (force)`);
    await client.query(`create database ${name}`);
    await client.end();
    await run('pg_restore', ['--single-transaction', `--dbname=${DATABASE_URL}`, dump]);
  }

  return { backUp, restoreBackup };
}
