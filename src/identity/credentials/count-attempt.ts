import { type Database, interval, type Sql, sql } from '../../database/database.ts';
import { Prisma } from '../../database/generated/prisma/client.ts';
import { entriesOf, type Limit, type LimitEntry, limits, type RateLimitKeys } from './rate-limit-keys.ts';

type Query = Pick<Database, 'query'>;

/** One limit that has counted an attempt, with what the attempt has written, so that it can be taken back. */
export interface Counted {
  readonly key: string;
  readonly expiresAt: string;
  readonly blockedUntil: string | null;
  /** When the window would have ended without the attempt; null if it began with the attempt. */
  readonly previousExpiresAt: string | null;
}

/** Returns the limits that have counted the attempt, and the one that it exceeds, if any: the first that has not. */
export async function countAttempt({ query }: Query, keys: RateLimitKeys) {
  const entries = entriesOf(keys);
  if (entries.length === 0) return { counted: [], exceeded: undefined };
  const counted = await query<Counted>(sql`with ${countingTables(entries)} select * from counted`);
  return { counted, exceeded: entries[counted.length] };
}

/** A limit with its key, as values or as expressions. */
interface CountedKey {
  readonly name: LimitEntry['name'];
  readonly key: string | Sql;
  readonly subject: string | Sql | null;
}

/** The tables of a statement that count an attempt, one for each limit, and "counted", which has a row for each limit that has counted it. */
export function countingTables(entries: readonly CountedKey[]): Sql {
  const counters = entries.map((entry, index) => {
    const previousPassed = index === 0 ? sql`true` : sql`exists (select 1 from ${tableName(index - 1)})`;
    return sql`${tableName(index)} as (${counter(entry, previousPassed)})`;
  });
  const rows = entries.map((_, index) => sql`select * from ${tableName(index)}`);
  return sql`${Prisma.join(counters)}, counted as (${Prisma.join(rows, ' union all ')})`;
}

const tableName = (index: number) => Prisma.raw(`limit${index}`);

function counter({ name, key, subject }: CountedKey, condition: Sql): Sql {
  const { points, window, waits }: Limit = limits[name];
  const isExpired = sql`l."expiresAt" <= now()`;
  const isLast = sql`l.count + 1 >= ${points}`; // a wait follows
  const seconds = waits && sql`least(${waits.longest}::int, ${waits.first}::int * power(2, least(l.count + 1 - ${points}, 11)))`; // 2^11 exceeds the longest wait
  const isAllowed = waits ? sql`coalesce(l."blockedUntil" <= now(), true)` : sql`l.count < ${points}`;
  const wait = seconds ? sql`case when not (${isExpired}) and ${isLast} then now() + ${seconds} * interval '1 s' end` : sql`null`;
  const restarts = waits ? sql`(${isExpired} or ${isLast})` : isExpired;
  return sql`
    insert into "RateLimit" as l (key, subject, count, "expiresAt") select ${key}, ${subject}, 1, now() + ${interval(window)} where ${condition}
    on conflict (key) do update set
      count = case when ${isExpired} then 1 else l.count + 1 end,
      "expiresAt" = case when ${restarts} then excluded."expiresAt" else l."expiresAt" end,
      "blockedUntil" = ${wait}
    where ${isExpired} or ${isAllowed}
    returning key, "expiresAt"::text, "blockedUntil"::text, (${previousExpiry}) as "previousExpiresAt"`;
}

// Reads the row as it was before the statement. The count differs if a concurrent attempt has changed the row since.
const previousExpiry = sql`
  select p."expiresAt"::text from "RateLimit" p where p.key = l.key and p."expiresAt" > now() and p.count = l.count - 1`;

/** Refunds a successful attempt, and the failures before it on the same network or with the same proof; other failures stay counted. */
export const refund = (db: Query, counted: readonly Counted[]) => giveBack(db, counted, refundTables);

/** Takes back an attempt, as if it had not been made. */
export const takeBack = (db: Query, counted: readonly Counted[]) =>
  giveBack(db, counted, (attempt) => givingBackTables(attempt, sql`false`, sql`true`));

async function giveBack({ query }: Query, counted: readonly Counted[], tables: (attempt: CountedColumns) => Sql): Promise<void> {
  if (counted.length > 0) await query(sql`with ${tables(columnsOf(counted))} select`);
}

/** The rows of `Counted` as an array for each column. */
export type CountedColumns = { readonly [name in keyof Counted]: readonly (string | null)[] };

export function columnsOf(counted: readonly Counted[]): CountedColumns {
  const valuesOf = (name: keyof Counted) => counted.map((limit) => limit[name]);
  return {
    key: valuesOf('key'),
    expiresAt: valuesOf('expiresAt'),
    blockedUntil: valuesOf('blockedUntil'),
    previousExpiresAt: valuesOf('previousExpiresAt'),
  };
}

/** The tables of a statement that refund an attempt if the condition holds. */
export const refundTables = (attempt: CountedColumns, condition = sql`true`): Sql =>
  givingBackTables(attempt, sql`l.key ~ '^passwordBy(AccountAndNetwork|Proof):'`, condition);

/**
 * Leaves no trace of the attempt. A window or wait that another attempt has begun meanwhile stays. Lock order: that of `countingTables`, so that the two
 * do not deadlock.
 */
const givingBackTables = (
  { key, expiresAt, blockedUntil, previousExpiresAt }: CountedColumns,
  forgetsFailures: Sql,
  condition: Sql,
): Sql => sql`
  attempt as (
    select * from unnest(${key}::text[], ${expiresAt}::timestamptz[], ${blockedUntil}::timestamptz[], ${previousExpiresAt}::timestamptz[])
      with ordinality as a (key, "expiresAt", "blockedUntil", "previousExpiresAt", position)
    where ${condition}
  ), locked as (
    select l.key, case when ${forgetsFailures} then 0 else l.count - 1 end as remaining, a."previousExpiresAt",
      l."expiresAt" = a."expiresAt" and l."blockedUntil" is not distinct from a."blockedUntil" as "isUnchanged"
    from "RateLimit" l join attempt a on a.key = l.key order by a.position for update of l
  ), emptied as (
    delete from "RateLimit" l using locked where l.key = locked.key and locked.remaining <= 0
  ), restored as (
    update "RateLimit" l set count = locked.remaining,
      "expiresAt" = case when locked."isUnchanged" then coalesce(locked."previousExpiresAt", l."expiresAt") else l."expiresAt" end,
      "blockedUntil" = case when locked."isUnchanged" then null else l."blockedUntil" end
    from locked where l.key = locked.key and locked.remaining > 0
  )`;
