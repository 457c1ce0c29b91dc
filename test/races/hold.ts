import pg from 'pg';
import type { TestServer } from '../test-server.ts';
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
  { name: 'the links', table: 'EmailLink', column: 'userId', ids: (w) => [w.member.uuid] },
  { name: 'the inviter', table: 'User', ids: (w) => [w.inviter.uuid] },
  { name: "the inviter's grant", table: 'RoleGrant', ids: (w) => [w.grants.inviter] },
  { name: 'the role', table: 'Role', ids: (w) => [w.role.id] },
  { name: 'the invitations', table: 'Invitation', ids: (w) => [w.invitation.uuid, w.newUserInvitation.uuid] },
];

const uuidOf = (globalId: string) => Buffer.from(globalId, 'base64').toString().replace('Token:', '');

/** A connection that locks rows, so that requests wait for it. */
export async function openHolder({ databaseUrl }: Pick<TestServer, 'databaseUrl'>) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows: found } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return {
    async lock({ table, column = 'id', ids }: Row, world: World) {
      await client.query('begin');
      await client.query(`select 1 from "${table}" where "${column}" = any($1::uuid[]) for update`, [ids(world)]);
    },
    release: () => client.query('rollback'),
    /** Begins a transaction with this statement, which locks the rows that it changes. */
    async begin(statement: string, values: readonly unknown[]) {
      await client.query('begin');
      await client.query(statement, [...values]);
    },
    execute: (statement: string, values: readonly unknown[]) => client.query(statement, [...values]),
    commit: () => client.query('commit'),
    /** The number of requests that wait for the locked rows, directly or behind another request. */
    async waiting(): Promise<number> {
      const { rows: counted } = await client.query<{ count: number }>(
        `with recursive blocked as (
           select a.pid from pg_stat_activity a where a.datname = current_database() and a.wait_event_type = 'Lock' and $1 = any(pg_blocking_pids(a.pid))
           union
           select a.pid from pg_stat_activity a join blocked b on b.pid = any(pg_blocking_pids(a.pid)) where a.wait_event_type = 'Lock'
         ) select count(*)::int as count from blocked`,
        [found[0]?.pid],
      );
      return counted[0]?.count ?? 0;
    },
    close: () => client.end(),
  };
}
