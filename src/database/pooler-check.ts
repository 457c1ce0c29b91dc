import { randomInt } from 'node:crypto';
import pg from 'pg';
import type { Config } from '../config.ts';
import { connect, type DatabaseTarget, isPoolerWithoutDatabase, poolerWithoutDatabase, sessionOf, settingError } from './connect.ts';
import { beginPrepared } from './session.ts';

/** Throws if the connections go through a pooler that is not declared or cannot be used, or if the two lead to different databases. */
export async function requireUsablePooler(
  { DATABASE_POOLER }: Pick<Config, 'DATABASE_POOLER'>,
  { main, direct }: { readonly main: DatabaseTarget; readonly direct: DatabaseTarget },
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  if (DATABASE_POOLER !== 'transaction') await requireSessions(main, DATABASE_POOLER === 'session');
  if (direct === main) return;
  await requireSessions(direct, true);
  await requireSameDatabase(main, direct, settings);
}

/**
 * Throws if a connection does not keep one session of the database: behind a pooler in transaction mode. Unless it `mayBePooled`, throws for every
 * pooler, because its mode cannot be found with certainty.
 */
async function requireSessions(target: DatabaseTarget, mayBePooled: boolean): Promise<void> {
  const [first, second] = [await connect(target), await connect(target)];
  try {
    const [one, other] = [await processId(first), await processId(second)];
    if (one === other) {
      const remedy =
        target.setting === 'DATABASE_URL' ? 'set DATABASE_POOLER=transaction and DATABASE_DIRECT_URL' : 'name the database itself';
      throw settingError(target, `connections go through a pooler in transaction mode; ${remedy}`);
    }
    // A pooler does not forward the number of the process, because it is part of the key that cancels statements.
    if (!mayBePooled && one !== announcedProcessId(first))
      throw settingError(target, 'connections go through a pooler; set DATABASE_POOLER to its mode, session or transaction');
  } finally {
    await Promise.all([first.end(), second.end()]);
  }
}

/** The process that serves the next statement. */
async function processId(client: pg.Client): Promise<number> {
  const [row] = await sessionOf(client).query<{ id: number }>('select pg_backend_pid() as id', []);
  return row?.id ?? 0;
}

/** The process that the other side has named when the connection began. */
const announcedProcessId = (client: pg.Client) => (client as pg.Client & { processID: number }).processID;

/** Throws if both do not lead to one database, or if a transaction of the first one cannot have the settings. */
async function requireSameDatabase(
  main: DatabaseTarget,
  direct: DatabaseTarget,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const [client, holder] = [await connect(main), await connect(direct)];
  try {
    const lock = [randomInt(2 ** 31), randomInt(2 ** 31)];
    await sessionOf(holder).query('select pg_advisory_lock($1, $2)', lock);
    if (await isFree(client, lock, settings)) throw settingError(direct, 'must lead to the same database as DATABASE_URL');
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    if (isPoolerWithoutDatabase(error.message)) throw settingError(main, poolerWithoutDatabase, error);
    throw settingError(main, `a transaction cannot have the settings that the server needs: ${error.message}`, error);
  } finally {
    await Promise.all([client.end(), holder.end()]);
  }
}

async function isFree(client: pg.Client, lock: number[], settings: Readonly<Record<string, string>>): Promise<boolean> {
  const { begin, prepare } = beginPrepared(settings);
  await client.query(`${begin}; ${prepare}`);
  const [row] = await sessionOf(client).query<{ isFree: boolean }>('select pg_try_advisory_xact_lock($1, $2) as "isFree"', lock);
  await client.query('rollback');
  return row?.isFree ?? false;
}
