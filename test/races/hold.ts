import pg from 'pg';
import { type TestServer, waitUntil } from '../test-server.ts';
import type { World } from './world.ts';

/** A row that a write may have to wait for. */
export interface Row {
  readonly name: string;
  readonly table: string;
  /** The values of `column` of the rows. */
  readonly ids: (world: World) => readonly string[];
  readonly column?: string;
}

/** Every row of a world that proofs depend on. */
export const rows: readonly Row[] = [
  { name: 'the user', table: 'User', ids: (w) => [w.member.uuid] },
  { name: 'the password', table: 'Password', column: 'userId', ids: (w) => [w.member.uuid] },
  { name: 'the grant', table: 'RoleGrant', ids: (w) => [w.grants.member] },
  { name: 'the domain', table: 'Domain', ids: (w) => [w.domain.id] },
  { name: 'the domain above', table: 'Domain', ids: (w) => [w.upper.id] },
  { name: 'the session', table: 'Token', ids: (w) => [w.member, w.inside].map(({ tokenId }) => uuidOf(tokenId)) },
  {
    name: 'the refresh token',
    table: 'TokenSecret',
    column: 'tokenId',
    ids: (w) => [w.member, w.inside].map(({ tokenId }) => uuidOf(tokenId)),
  },
  { name: 'the links', table: 'EmailLink', column: 'userId', ids: (w) => [w.member.uuid] },
  { name: 'the inviter', table: 'User', ids: (w) => [w.inviter.uuid] },
  { name: "the inviter's grant", table: 'RoleGrant', ids: (w) => [w.grants.inviter] },
  { name: 'the role', table: 'Role', ids: (w) => [w.role.id] },
  { name: 'the invitations', table: 'Invitation', ids: (w) => [w.invitation.uuid, w.newUserInvitation.uuid] },
];

const uuidOf = (globalId: string) => Buffer.from(globalId, 'base64').toString().replace('Token:', '');

/** A statement and its values. */
export type Statement = readonly [text: string, values: readonly unknown[]];

/** Locks the row of a user. */
export const lockUser = (id: string): Statement => ['select from "User" where id = $1 for update', [id]];

/** A connection that locks rows, so that requests wait for it. */
export async function openHolder({ databaseUrl }: Pick<TestServer, 'databaseUrl'>) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows: found } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const execute = ([text, values]: Statement) => client.query(text, [...values]);

  /** The number of requests that wait for the locked rows, directly or behind another request. */
  async function waiting(): Promise<number> {
    await client.query('select pg_stat_clear_snapshot()'); // a transaction does not see connections that were opened after its first look
    const { rows: counted } = await client.query<{ count: number }>(
      `with recursive blocked as (
         select a.pid from pg_stat_activity a where a.datname = current_database() and a.wait_event_type = 'Lock' and $1 = any(pg_blocking_pids(a.pid))
         union
         select a.pid from pg_stat_activity a join blocked b on b.pid = any(pg_blocking_pids(a.pid)) where a.wait_event_type = 'Lock'
       ) select count(*)::int as count from blocked`,
      [found[0]?.pid],
    );
    return counted[0]?.count ?? 0;
  }

  /** Begins a transaction with a statement that locks rows. */
  async function begin(lock: Statement) {
    await client.query('begin');
    await execute(lock);
  }

  return {
    begin,
    waiting,
    lock: ({ table, column = 'id', ids }: Row, world: World) =>
      begin([`select 1 from "${table}" where "${column}" = any($1::uuid[]) for update`, [ids(world)]]),
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
    close: () => client.end(),
  };
}
