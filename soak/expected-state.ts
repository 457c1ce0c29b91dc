import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { ConfiguredKeys } from '../src/identity/keys/configured-keys.ts';
import { formatCursor, parseCursor } from '../src/identity/tokens/revocation-cursor.ts';
import { isBefore } from '../src/identity/tokens/revocation-log.ts';
import type { Command } from './commands.ts';
import type { Follower } from './follower.ts';
import type { World } from './round.ts';

/** An entry of the revocation log. */
export interface LogEntry {
  readonly sid: string;
  readonly cursor: string;
}

/** A pool that survives crashes of the database. */
export function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on('error', () => {});
  return pool;
}

/** Waits until no transaction is writing: the database may still execute what a killed server has sent. */
export async function waitUntilIdle(pool: pg.Pool): Promise<void> {
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
export async function readLog(pool: pg.Pool, keys: ConfiguredKeys): Promise<LogEntry[]> {
  const { rows } = await pool.query<{ sid: string; position: string; seq: string }>(
    `select r."tokenId"::text as sid, c.position::text, r.seq::text from "RevocationCommit" c
     join "TokenRevocation" r on r."commitId" = c.id order by c.position, r.seq`,
  );
  return rows.map(({ sid, position, seq }) => ({ sid, cursor: formatCursor(keys, { position: BigInt(position), seq: BigInt(seq) }) }));
}

/** For each token, whether it is revoked, and the number of its log entries and audit events. */
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

/** The violations of a command in the database: it must be there completely or not at all, and be there if it was acknowledged. */
export async function commandViolations(pool: pg.Pool, { name, sids, sideEffect }: Command, acknowledged: boolean): Promise<string[]> {
  const tokens = await readEnded(pool, sids);
  const ended = tokens.filter((token) => token.ended).length;
  const done = sideEffect ? (await pool.query<{ done: boolean }>(sideEffect.text, [sideEffect.id])).rows[0]?.done : undefined;
  const whole = ended > 0;
  return [
    ...(tokens.length === sids.length ? [] : [`${name}: ${tokens.length} of ${sids.length} tokens exist`]),
    ...(ended === 0 || ended === sids.length ? [] : [`${name}: ${ended} of ${sids.length} tokens revoked`]),
    ...(acknowledged && !whole ? [`${name}: was acknowledged but lost`] : []),
    ...(done === undefined || done === whole
      ? []
      : [`${name}: ${ended} tokens revoked, but its account or domain ${done ? 'is' : 'is not'} disabled`]),
    ...(tokens.every((one) => one.records === Number(one.ended) && one.audits === Number(one.ended))
      ? []
      : [`${name}: not exactly one log entry and one audit event for each revoked token: ${JSON.stringify(tokens.slice(0, 3))}`]),
  ];
}

/** Waits until the follower has received the whole log. Returns the violations in what it received after the entries that were known. */
export async function deliveryViolations(
  follower: Follower,
  log: readonly LogEntry[],
  { keys, known }: Pick<World, 'keys' | 'known'>,
): Promise<string[]> {
  for (const until = performance.now() + 10_000; follower.received.length < log.length && performance.now() < until; ) await sleep(10);
  const { name, received, heartbeats } = follower;
  const faults: string[] = [];
  const wrong = log.findIndex(
    ({ sid, cursor }, index) => index >= known && (received[index]?.sid !== sid || received[index]?.cursor !== cursor),
  );
  if (wrong >= 0) {
    const missing = log.slice(known).filter(({ cursor }) => !received.some((one) => one.cursor === cursor)).length;
    faults.push(`${name}: entry ${wrong} of ${log.length} differs from what it received (${received.length}); ${missing} missing`);
  }
  if (received.length > log.length)
    faults.push(`${name}: received ${received.length - log.length} entries twice, or that are not in the database`);
  for (const { cursor, after } of heartbeats.splice(0)) {
    const next = log[after];
    if (next && !isBefore(parseCursor(keys, cursor), parseCursor(keys, next.cursor)))
      faults.push(`${name}: a heartbeat was ahead of the delivered entries`);
  }
  return faults;
}
