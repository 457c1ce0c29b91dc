import { createPubSub } from 'graphql-yoga';
import { type Database, sql } from '../db.ts';
import { channels } from '../events.ts';
import type { TokenRevocation } from '../generated/prisma/client.ts';
import type { Log } from '../log.ts';

export type Revocation = Omit<TokenRevocation, 'txid' | 'seq'> & { readonly txid: string; readonly seq: string };

/** What a node hears of revocations, its own and those of other nodes. */
export interface Tail {
  /** The revocations that are committed from now on. */
  follow(): AsyncIterable<Revocation> & { return(): unknown };
  /** Calls `heard` for each; answers how to stop. */
  on(heard: (revocation: Revocation) => void): () => void;
  close(): Promise<void>;
}

const pollEvery = 1_000; // milliseconds within which a lost wake-up is made good (security.md F20, 24.1)

/** Follows the table of revocations; NOTIFY is only a wake-up. */
export async function openTail(db: Pick<Database, 'query' | 'listen'>, log: Log): Promise<Tail> {
  const pubsub = createPubSub<{ revoked: [Revocation] }>();
  const listeners = new Set<(revocation: Revocation) => void>();
  const read = await reader(db);
  let reading: Promise<void> | undefined;
  let again = false;
  const drain = async () => {
    do {
      again = false;
      for (const revocation of await read()) {
        pubsub.publish('revoked', revocation);
        for (const heard of listeners) heard(revocation);
      }
    } while (again);
  };
  const wake = () => {
    again = true;
    reading ??= drain()
      .catch((error: Error) => log.warn({ error: error.message }, 'revocations could not be read; trying again'))
      .finally(() => {
        reading = undefined;
      });
  };
  const stopListening = await db.listen(channels.tokenRevoked, wake);
  const clock = setInterval(wake, pollEvery);
  return {
    follow: () => pubsub.subscribe('revoked'),
    on: (heard) => {
      listeners.add(heard);
      return () => listeners.delete(heard);
    },
    close: async () => {
      clearInterval(clock);
      await stopListening();
      await reading;
    },
  };
}

/**
 * Reads what was committed since the last time. A transaction may commit after one that began later, so every read begins at the oldest
 * transaction that was still open at the last one, and leaves out what it has seen.
 */
async function reader(db: Pick<Database, 'query'>) {
  let floor = '0';
  let seen = new Map<string, string>();
  const read = async (fresh: boolean) => {
    const rows = await db.query<{ floor: string; row: Revocation | null }>(sql`
      select pg_snapshot_xmin(pg_current_snapshot())::text as floor,
        case when r.id is null then null else row_to_json(r)::jsonb || jsonb_build_object('txid', r.txid::text, 'seq', r.seq::text) end as row
      from (select 1) one left join "TokenRevocation" r on r.txid >= ${floor}::bigint and (${fresh}::bool or r."revokedAt" > now() - interval '1 min')
      order by r.txid, r.seq`);
    floor = rows[0]?.floor ?? floor;
    const found = rows.flatMap(({ row }) => (row && !seen.has(row.id) ? [{ ...row, revokedAt: new Date(row.revokedAt) }] : []));
    const known = [...seen, ...found.map((row) => [row.id, row.txid] as const)];
    seen = new Map(known.filter(([, txid]) => BigInt(txid) >= BigInt(floor)));
    return found;
  };
  await read(false);
  return () => read(true);
}
