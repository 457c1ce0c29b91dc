import pg from 'pg';
import type { TestServer } from '../test-server.ts';
import type { Statement } from './hold.ts';
import type { Answer, World } from './world.ts';

/** A row that a write may have to wait for. */
export interface Row {
  readonly name: string;
  readonly table: string;
  /** The values of `column` of the rows. */
  readonly ids: (world: World) => readonly string[];
  readonly column?: string;
}

/** Every row of a world that proofs depend on. */
const rows: readonly Row[] = [
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

/** Locks a row of a world. */
export const lockRow = ({ table, column = 'id', ids }: Row, world: World): Statement => [
  `select 1 from "${table}" where "${column}" = any($1::uuid[]) for update`,
  [ids(world)],
];

/** Connections that each hold one of the rows. */
export async function openRowHolders({ databaseUrl }: Pick<TestServer, 'databaseUrl'>) {
  const connect = async () => {
    const client = new pg.Client({ connectionString: databaseUrl }) as pg.Client & { processID: number };
    await client.connect();
    return client;
  };
  const watcher = await connect();
  const holders = await Promise.all(rows.map(async (row) => ({ row, client: await connect() })));

  /** The rows that a request waits for. Each one is held until it does. */
  async function rowsWaitedFor(world: World, start: () => Promise<Answer>): Promise<readonly Row[]> {
    for (const { row, client } of holders) {
      const [text, values] = lockRow(row, world);
      await client.query('begin');
      await client.query(text, [...values]);
    }
    const held = new Set(holders);
    let isDone = false;
    const request = start().finally(() => {
      isDone = true;
    });
    while (!isDone) {
      const pids = [...held].map(({ client }) => client.processID);
      const { rows: blocking } = await watcher.query<{ pid: number }>({ name: 'blocking', text: findBlocking, values: [pids] });
      for (const holder of held)
        if (blocking.some(({ pid }) => pid === holder.client.processID)) {
          held.delete(holder);
          await holder.client.query('rollback');
        }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const { client } of held) await client.query('rollback');
    const { code } = await request;
    if (code) throw new Error(`was rejected although nothing has ended: ${code}`);
    return holders.filter((holder) => !held.has(holder)).map(({ row }) => row);
  }

  return { rowsWaitedFor, close: () => Promise.all([watcher, ...holders.map(({ client }) => client)].map((client) => client.end())) };
}

/** Those of the connections $1 that another connection waits for. */
const findBlocking = `
  select distinct unnest(pg_blocking_pids(pid)) as pid from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock' and pg_blocking_pids(pid) && $1::int[]`;
