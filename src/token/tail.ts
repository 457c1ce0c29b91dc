import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, sql } from '../db.ts';
import { channels } from '../events.ts';
import type { TokenRevocation } from '../generated/prisma/client.ts';
import type { Inbox } from '../inbox.ts';
import type { Log } from '../log.ts';

export type Revocation = Omit<TokenRevocation, 'txid' | 'seq'> & { readonly txid: string; readonly seq: string };

/** What a node hears of revocations, its own and those of other nodes. */
export interface Tail {
  /** Puts the wanted ones of those that are committed from now on into the inbox. Answers how to stop. */
  follow(inbox: Inbox<Revocation>, wanted: (revocation: Revocation) => boolean): () => void;
  /** Calls `heard` for each; answers how to stop. */
  on(heard: (revocation: Revocation) => void): () => void;
  /** Lets all followers go: their streams end. */
  end(): void;
  close(): Promise<void>;
}

const pollEvery = 1_000; // milliseconds within which a lost wake-up is made good (security.md F20, 24.1)
const pause = { after: 100, most: 1_000 }; // of many at once, followers get so many before they may catch up, for so many milliseconds

/** Follows the table of revocations; NOTIFY is only a wake-up. */
export async function openTail(db: Pick<Database, 'query' | 'listen'>, log: Log): Promise<Tail> {
  const listeners = new Set<(revocation: Revocation) => void>();
  const inboxes = new Set<Inbox<Revocation>>();
  const read = await reader(db);
  let reading: Promise<void> | undefined;
  let again = false;
  const tell = (revocation: Revocation) => {
    for (const heard of listeners)
      try {
        heard(revocation);
      } catch (error) {
        log.error({ error: String((error as Error).stack) }, 'a revocation was not taken in');
      }
  };
  const drain = async () => {
    do {
      again = false;
      const revocations = await read();
      for (const [index, revocation] of revocations.entries()) {
        if (index > 0 && index % pause.after === 0) await caughtUp(inboxes);
        tell(revocation);
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
  const on: Tail['on'] = (heard) => {
    listeners.add(heard);
    return () => listeners.delete(heard);
  };
  const stopListening = await db.listen(channels.tokenRevoked, wake);
  const clock = setInterval(wake, pollEvery);
  return {
    on,
    follow: (inbox, wanted) => {
      inboxes.add(inbox);
      const stop = on((revocation) => wanted(revocation) && inbox.put(revocation));
      return () => {
        inboxes.delete(inbox);
        stop();
      };
    },
    end: () => {
      for (const inbox of inboxes) inbox.close();
    },
    close: async () => {
      clearInterval(clock);
      await stopListening();
      await reading;
    },
  };
}

/** Waits a little for followers who have much to take in; who is slower than that will be dropped (security.md F29). */
async function caughtUp(inboxes: ReadonlySet<Inbox<Revocation>>) {
  const until = performance.now() + pause.most;
  while ([...inboxes].some(({ size }) => size >= pause.after) && performance.now() < until) await sleep(5);
}

/**
 * Reads what was committed since the last time: the records whose transaction the last snapshot did not see and this one does. A
 * transaction may commit after one that began later; neither numbers nor times would find it (security.md 7.8).
 */
async function reader(db: Pick<Database, 'query'>) {
  const [{ now } = { now: '' }] = await db.query<{ now: string }>(sql`select pg_current_snapshot()::text as now`);
  let last = now;
  return async () => {
    // A restored dump can hold transaction ids that this server has not reached: they are none of its news.
    const rows = await db.query<{ now: string; row: Revocation | null }>(sql`
      select pg_current_snapshot()::text as now,
        case when r.id is null then null else row_to_json(r)::jsonb || jsonb_build_object('txid', r.txid::text, 'seq', r.seq::text) end as row
      from (select 1) one left join "TokenRevocation" r on r.txid >= pg_snapshot_xmin(${last}::pg_snapshot)::text::bigint
        and r.txid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
        and not pg_visible_in_snapshot(r.txid::text::xid8, ${last}::pg_snapshot)
      order by r.txid, r.seq`);
    last = rows[0]?.now ?? last;
    return rows.flatMap(({ row }) => (row ? [{ ...row, revokedAt: new Date(row.revokedAt) }] : []));
  };
}
