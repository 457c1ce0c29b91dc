import { type Database, type Sql, sql } from '../../database/database.ts';
import type { Logger } from '../../lib/logger.ts';

/** That somebody was answered a field of somebody else. */
interface Reading {
  readonly ownerId: string;
  readonly actorId: string;
  /** The coordinate, as `User.phone`. */
  readonly field: string;
}

/** Who read what of whom: noted while an answer is made, written after it. */
export interface ReadReceiptRecorder {
  /** Takes the reading down; `via` says by which part of the rule, and is asked only where the same is not waiting already. */
  record(reading: Reading, via: () => string): void;
  /** Writes what waits; what is noted later is lost. */
  close(): Promise<void>;
}

interface Waiting extends Reading {
  readonly via: string;
  /** When last, by the clock of this process that nobody sets. */
  at: number;
}

const most = { waiting: 10_000, written: 1_000 }; // different ones: at all, and by one statement
const every = 1_000; // milliseconds between two writes
const longest = 255; // characters of `via`

/** Gathers readings, equal ones as one, and writes those that wait by one statement, outside of any request. */
export function createReadReceiptRecorder(db: Pick<Database, 'query'>, log: Logger): ReadReceiptRecorder {
  const waiting = emptyPile();
  let underWay = 0;
  let dropped = 0;
  let clock: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;
  let closed = false;
  const record: ReadReceiptRecorder['record'] = (reading, via) => {
    const same = waiting.find(reading);
    if (same) same.at = performance.now();
    else if (waiting.size() + underWay >= most.waiting) dropped += 1;
    else waiting.add({ ...reading, via: via().slice(0, longest), at: performance.now() });
    if (!same && waiting.size() === most.written) arm(0);
    else if (!clock) arm(every);
  };
  const arm = (wait: number) => {
    clearTimeout(clock);
    clock = closed ? undefined : setTimeout(wake, wait).unref();
  };
  const wake = () => {
    clock = undefined;
    writing ??= write().finally(() => {
      writing = undefined;
      if (waiting.size() > 0) arm(every);
    });
  };
  const write = async () => {
    if (dropped > 0) log.warn({ dropped }, `read receipts were dropped: ${most.waiting} others waited to be written`);
    dropped = 0;
    let failed: Error | undefined;
    do failed = await writeSome();
    while (!failed && (waiting.size() >= most.written || (closed && waiting.size() > 0)));
    if (failed) log.warn({ error: failed.message, waiting: waiting.size() }, 'read receipts could not be written; trying again');
  };
  const writeSome = async () => {
    const batch = waiting.take(most.written);
    underWay = batch.length;
    const failed = await db.query(insertion(batch)).then(
      () => undefined,
      (error: Error) => error,
    );
    underWay = 0;
    // What was read again meanwhile is the later reading.
    if (failed) for (const one of batch) if (!waiting.find(one)) waiting.add(one);
    return failed;
  };
  const close = async () => {
    closed = true;
    clearTimeout(clock);
    await writing;
    if (waiting.size() > 0) await write();
    if (waiting.size() > 0)
      log.warn({ dropped: waiting.size() }, 'read receipts were dropped: the server stopped before they could be written');
  };
  return { record, close };
}

/** Readings, found by their three parts one after the other: to make one key of these took five times as long. */
function emptyPile() {
  const byField = new Map<string, Map<string, Map<string, Waiting>>>();
  let size = 0;
  return {
    size: () => size,
    find: ({ field, actorId, ownerId }: Reading) => byField.get(field)?.get(actorId)?.get(ownerId),
    add: (one: Waiting) => {
      const byActor = byField.get(one.field) ?? new Map<string, Map<string, Waiting>>();
      const byOwner = byActor.get(one.actorId) ?? new Map<string, Waiting>();
      byField.set(one.field, byActor.set(one.actorId, byOwner.set(one.ownerId, one)));
      size += 1;
    },
    take: (count: number): Waiting[] => {
      const taken = [...byField.values()]
        .flatMap((byActor) => [...byActor.values()].flatMap((byOwner) => [...byOwner.values()]))
        .slice(0, count);
      for (const { field, actorId, ownerId } of taken) {
        const byOwner = byField.get(field)?.get(actorId);
        byOwner?.delete(ownerId);
        if (byOwner?.size === 0) byField.get(field)?.delete(actorId);
      }
      size -= taken.length;
      return taken;
    },
  };
}

/**
 * The time is the database's, less what has gone by here. Rows are written in one order, so that nodes that write the same at once wait for
 * each other in turn; who is gone meanwhile has no receipts.
 */
const insertion = (batch: readonly Waiting[]): Sql => sql`
  insert into "FieldRead" ("userId", "actorId", field, via, day, at)
  select r.owner, r.actor, r.field, r.via, (r.at at time zone 'UTC')::date, r.at
  from (
    select n.owner, n.actor, n.field, n.via, now() - n.age * interval '1 ms' as at
    from unnest(${batch.map((one) => one.ownerId)}::uuid[], ${batch.map((one) => one.actorId)}::uuid[], ${batch.map((one) => one.field)}::text[],
      ${batch.map((one) => one.via)}::text[], ${ages(batch)}::float8[]) as n (owner, actor, field, via, age)
  ) r join "User" u on u.id = r.owner
  order by 1, 2, 3
  on conflict ("userId", "actorId", field, day) do update set at = excluded.at, via = excluded.via where excluded.at >= "FieldRead".at`;

function ages(batch: readonly Waiting[]): number[] {
  const now = performance.now();
  return batch.map(({ at }) => now - at);
}
