import pg from 'pg';
import { type TestServer, waitUntil } from '../test-server.ts';

/** A statement and its values. */
export type Statement = readonly [text: string, values: readonly unknown[]];

/** Locks the row of a user. */
export const lockUser = (id: string): Statement => ['select from "User" where id = $1 for update', [id]];

/** Counts the connections that wait for a lock of the connection $1: directly, or behind another one. */
const countBlocked = `with recursive waiting as (
  select pid, pg_blocking_pids(pid) as behind from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
), blocked as (
  select pid from waiting where $1 = any(behind)
  union
  select w.pid from waiting w join blocked b on b.pid = any(w.behind)
) select count(*)::int as count from blocked`;

/** A connection that locks rows, so that requests wait for it. */
export async function openHolder({ databaseUrl }: Pick<TestServer, 'databaseUrl'>) {
  // The second one watches: within a transaction PostgreSQL does not list connections that were opened later.
  const [client, watcher] = [0, 1].map(() => new pg.Client({ connectionString: databaseUrl })) as [pg.Client, pg.Client];
  await Promise.all([client.connect(), watcher.connect()]);
  const { processID } = client as pg.Client & { processID: number };
  const execute = ([text, values]: Statement) => client.query(text, [...values]);

  /** The number of requests that wait for the locked rows, directly or behind another request. */
  async function waiting(): Promise<number> {
    const { rows } = await watcher.query<{ count: number }>({ name: 'count', text: countBlocked, values: [processID] });
    return rows[0]?.count ?? 0;
  }

  /** Begins a transaction with statements that lock rows. */
  async function begin(...locks: Statement[]) {
    await client.query('begin');
    for (const lock of locks) await execute(lock);
  }

  return {
    begin,
    waiting,
    commit: () => client.query('commit'),
    release: () => client.query('rollback'),
    /** Starts a request, which has to wait for the locks of the first statement. Executes the second one meanwhile. Returns the response. */
    async changeDuring<T>(lock: Statement, start: () => Promise<T>, change: Statement, attempt = 1): Promise<T> {
      await begin(lock);
      const response = start();
      const isWaiting = waitUntil(async () => (await waiting()) > 0);
      if (!(await Promise.race([response.then(() => false), isWaiting]))) {
        await client.query('rollback');
        const text = JSON.stringify(await response);
        // On a busy machine a request may be rejected before it waits. That decides nothing.
        if (text.includes('UNAVAILABLE') && attempt < 3) return this.changeDuring(lock, start, change, attempt + 1);
        throw new Error(`did not wait: ${text}`);
      }
      await execute(change);
      await client.query('commit');
      return response;
    },
    close: () => Promise.all([client.end(), watcher.end()]),
  };
}
