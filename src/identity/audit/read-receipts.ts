import { type Database, type Sql, sql } from '../../database/database.ts';
import { startPoller } from '../../lib/poller.ts';
import type { Logger } from '../../logger.ts';

/** A sensitive field of one user that was returned to another. */
interface FieldReading {
  readonly ownerId: string;
  readonly actorId: string;
  /** The coordinate, for example `User.phone`. */
  readonly field: string;
}

/** Records reads of sensitive fields of other users, after the response. */
export interface ReadReceiptRecorder {
  /** Records a reading. `via` returns the part of the rule that allowed it; it is called only if no equal reading is pending. */
  record(reading: FieldReading, via: () => string): void;
  /** Writes the pending receipts. */
  close(): Promise<void>;
}

interface Receipt extends FieldReading {
  readonly via: string;
  /** The last reading, by the monotonic clock of this process. */
  at: number;
}

const writeInterval = 1_000; // milliseconds
const minAge = 500; // milliseconds, so that the receipts of one response are written together
const maxPending = 10_000;
const maxBatch = 1_000;
const maxViaLength = 255;

/** Collects receipts, equal ones as one, and writes them in batches outside of any request. */
export function createReadReceiptRecorder(db: Pick<Database, 'query'>, log: Logger): ReadReceiptRecorder {
  const pending = new Map<string, Receipt>();
  let pendingSince = 0;
  let inFlight = 0;
  let dropped = 0;

  const record: ReadReceiptRecorder['record'] = (reading, via) => {
    const key = `${reading.field}\0${reading.actorId}\0${reading.ownerId}`;
    const receipt = pending.get(key);
    if (receipt) {
      receipt.at = performance.now();
      return;
    }
    if (pending.size + inFlight >= maxPending) {
      dropped += 1;
      return;
    }
    if (pending.size === 0) pendingSince = performance.now();
    pending.set(key, { ...reading, via: via().slice(0, maxViaLength), at: performance.now() });
    if (pending.size === maxBatch) poller.wake();
  };
  const writeBatch = async () => {
    const batch = [...pending].slice(0, maxBatch);
    for (const [key] of batch) pending.delete(key);
    inFlight = batch.length;
    try {
      await db.query(insertReceipts(batch.map(([, receipt]) => receipt)));
    } catch (error) {
      for (const [key, receipt] of batch) if (!pending.has(key)) pending.set(key, receipt); // a newer reading replaces the receipt
      throw error;
    } finally {
      inFlight = 0;
    }
  };
  const writePending = async () => {
    if (dropped > 0) log.warn({ event: 'sys_receipts_dropped', dropped }, `read receipts were dropped: ${maxPending} others are pending`);
    dropped = 0;
    if (pending.size === 0 || (pending.size < maxBatch && performance.now() - pendingSince < minAge)) return;
    do await writeBatch();
    while (pending.size >= maxBatch);
  };
  const poller = startPoller(writePending, {
    interval: writeInterval,
    onFailure: (error) => log.warn({ event: 'sys_polling_failed', error: error.message }, 'writing read receipts failed; retrying'),
  });
  const close = async () => {
    await poller.stop();
    try {
      while (pending.size > 0) await writeBatch();
    } catch (error) {
      log.warn(
        { event: 'sys_receipts_dropped', error: (error as Error).message, dropped: pending.size },
        'read receipts were dropped: the last write before the stop failed',
      );
    }
  };
  return { record, close };
}

/**
 * The time is that of the database minus the age of the reading. Rows are written in a fixed order, so that nodes that write the same rows
 * concurrently do not deadlock. Deleted users get no receipts.
 */
function insertReceipts(batch: readonly Receipt[]): Sql {
  const now = performance.now();
  return sql`
    insert into "FieldRead" ("userId", "actorId", field, via, day, at)
    select r.owner, r.actor, r.field, r.via, (r.at at time zone 'UTC')::date, r.at
    from (
      select b.owner, b.actor, b.field, b.via, now() - b.age * interval '1 ms' as at
      from unnest(${batch.map(({ ownerId }) => ownerId)}::uuid[], ${batch.map(({ actorId }) => actorId)}::uuid[],
        ${batch.map(({ field }) => field)}::text[], ${batch.map(({ via }) => via)}::text[],
        ${batch.map(({ at }) => now - at)}::float8[]) as b (owner, actor, field, via, age)
    ) r join "User" u on u.id = r.owner
    order by 1, 2, 3
    on conflict ("userId", "actorId", field, day) do update set at = excluded.at, via = excluded.via where excluded.at >= "FieldRead".at`;
}
