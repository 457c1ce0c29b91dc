import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { formatCursor, isBefore, parseCursor } from '../src/identity/tokens/revocation-log.ts';
import type { Follower } from './follower.ts';
import type { Verb } from './verbs.ts';

/** A record of the revocation log in the database. */
export interface Held {
  readonly sid: string;
  readonly cursor: string;
}

/** Connections that survive the death of the database. */
export function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on('error', () => {});
  return pool;
}

/** Waits until no writing transaction is running: PostgreSQL may still execute what a killed server has sent. */
export async function quiet(pool: pg.Pool): Promise<void> {
  const writing = `select 1 from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'
    and (backend_xid is not null or state like 'idle in transaction%' or (state = 'active' and wait_event_type = 'Lock'))`;
  for (let calm = 0, until = performance.now() + 20_000; calm < 3 && performance.now() < until; await sleep(20)) {
    const rows = await pool.query(writing).then(
      (answer) => answer.rows,
      () => [undefined], // a connection from before the database was killed
    );
    calm = rows.length === 0 ? calm + 1 : 0;
  }
}

/** The whole log, in order. */
export async function readTruth(pool: pg.Pool): Promise<Held[]> {
  const { rows } = await pool.query<{ sid: string; position: string; seq: string }>(
    `select r."tokenId"::text as sid, c.position::text, r.seq::text from "RevocationCommit" c
     join "TokenRevocation" r on r."commitId" = c.id order by c.position, r.seq`,
  );
  return rows.map(({ sid, position, seq }) => ({ sid, cursor: formatCursor({ position: BigInt(position), seq: BigInt(seq) }) }));
}

/** The tokens with these ids, whether each is revoked, and its number of log records and audit events. */
async function readEnded(pool: pg.Pool, sids: readonly string[]) {
  const { rows } = await pool.query<{ ended: boolean; records: number; audits: number }>(
    `select t."revokedAt" is not null as ended,
       (select count(*)::int from "TokenRevocation" r where r."tokenId" = t.id) as records,
       (select count(*)::int from "AuditEvent" a where a."targetId" = t.id and a.action = 'session_revoked') as audits
     from "Token" t where t.id = any($1::uuid[])`,
    [sids],
  );
  return rows;
}

/** The violations of an operation in the database: it has to be there completely or not at all, and completely if it was acknowledged. */
export async function faultsOf(pool: pg.Pool, { name, sids, beside }: Verb, acknowledged: boolean): Promise<string[]> {
  const tokens = await readEnded(pool, sids);
  const ended = tokens.filter((token) => token.ended).length;
  const done = beside ? (await pool.query<{ done: boolean }>(beside.text, [beside.id])).rows[0]?.done : undefined;
  const whole = ended > 0;
  return [
    ...(tokens.length === sids.length ? [] : [`${name}: ${tokens.length} of ${sids.length} tokens are there`]),
    ...(ended === 0 || ended === sids.length ? [] : [`${name}: ${ended} of ${sids.length} tokens revoked`]),
    ...(acknowledged && !whole ? [`${name}: was acknowledged and is lost`] : []),
    ...(done === undefined || done === whole
      ? []
      : [`${name}: ${ended} tokens revoked, but its target ${done ? 'is' : 'is not'} disabled`]),
    ...(tokens.every((one) => one.records === Number(one.ended) && one.audits === Number(one.ended))
      ? []
      : [`${name}: not one record and one audit event for each revoked token: ${JSON.stringify(tokens.slice(0, 3))}`]),
  ];
}

/** Waits until the follower has received all records. Returns the violations in what it received since `from`. */
export async function violationsOfFollower(follower: Follower, truth: readonly Held[], from: number): Promise<string[]> {
  for (const until = performance.now() + 10_000; follower.received.length < truth.length && performance.now() < until; ) await sleep(10);
  const { name, received, heartbeats } = follower;
  const faults: string[] = [];
  const wrong = truth.findIndex(
    ({ sid, cursor }, index) => index >= from && (received[index]?.sid !== sid || received[index]?.cursor !== cursor),
  );
  if (wrong >= 0) {
    const missing = truth.slice(from).filter(({ cursor }) => !received.some((one) => one.cursor === cursor)).length;
    faults.push(
      `${name}: record ${wrong} of ${truth.length} is not what it received there (of ${received.length}); ${missing} are missing`,
    );
  }
  if (received.length > truth.length)
    faults.push(`${name}: received ${received.length - truth.length} records that are not in the database, or twice`);
  for (const { cursor, after } of heartbeats.splice(0)) {
    const next = truth[after];
    if (next && !isBefore(parseCursor(cursor), parseCursor(next.cursor)))
      faults.push(`${name}: a heartbeat came before the records that it covers`);
  }
  return faults;
}
