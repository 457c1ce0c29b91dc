import type { GraphQLError } from 'graphql';
import { type Database, interval, type Sql, sql } from '../../database/database.ts';
import { Prisma, type User } from '../../database/generated/prisma/client.ts';
import { codeOf, type ErrorCode, requestError } from '../../errors.ts';
import type { RequestScope } from '../request-scope.ts';
import { digest, entriesOf, type Limit, type LimitName, limits, loginKeys, type RateLimitKeys } from './rate-limit-keys.ts';

interface Caller extends Pick<RequestScope, 'log' | 'client'> {
  readonly db: Pick<Database, 'query'>;
}
/** One limit that has counted an attempt, with what the attempt has written, so that it can be taken back. */
interface Counted {
  readonly key: string;
  readonly expiresAt: string;
  readonly blockedUntil: string | null;
  /** When the window would have ended without the attempt; null if it began with the attempt. */
  readonly previousExpiresAt: string | null;
}

/**
 * Counts an attempt before its secret is checked. Atomic: one statement in the database, so that a burst over any number of aliases, batches and
 * nodes passes at most `points` times. Throws RATE_LIMITED with the seconds to wait. Each limit only counts what the limits before it passed, so
 * that an attacker who is stopped by a narrow limit does not use up the owner's wide one (security.md 4.5). What those have counted stays: a
 * rejected guess is not free.
 */
export async function consume(caller: Caller, keys: RateLimitKeys): Promise<readonly Counted[]> {
  const { counted, exceeded } = await count(caller, keys);
  if (exceeded) throw await rateLimited(caller, exceeded);
  return counted;
}

/** Counts an email. Returns false, and counts it towards no limit, if one is exceeded, for emails that are skipped silently. */
export async function tryConsumeEmail(caller: Caller, keys: RateLimitKeys): Promise<boolean> {
  const { counted, exceeded } = await count(caller, keys);
  if (exceeded) await takeBack(caller, counted);
  return !exceeded;
}

/** A guess that may be verified. */
interface CountedGuess {
  /** The limits that counted it. */
  readonly counted: readonly Counted[];
  /** The error of a limit with growing waits, if that is exceeded. */
  readonly limited: GraphQLError | undefined;
}

/**
 * Counts a guess like `consume`. Returns the error instead of throwing it if only a limit with growing waits is exceeded: what is correct is still
 * accepted then from a network that the account knows, so that guesses from elsewhere do not keep its owner out (docs/decisions/0035, 0046).
 */
export async function consumeGuess(caller: Caller, keys: RateLimitKeys): Promise<CountedGuess> {
  const { counted, exceeded } = await count(caller, keys);
  if (!exceeded) return { counted, limited: undefined };
  const limited = await rateLimited(caller, exceeded);
  if (!('waits' in limits[exceeded.name])) throw limited;
  return { counted, limited };
}

/**
 * Does the work that an attempt was counted for. Takes the attempt back if the work fails to decide whether it is right, because too many hashes are
 * waiting or the database fails: an overloaded server must not lock its users out.
 */
export async function whileCounted<T>(caller: Caller, counted: readonly Counted[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (undecided.has(codeOf(error))) await takeBack(caller, counted).catch(() => {}); // the database may be what has failed
    throw error;
  }
}

/** Counts an attempt like `consume`, then does its work like `whileCounted`. */
export async function withinLimits<T>(caller: Caller, keys: RateLimitKeys, work: () => Promise<T>): Promise<T> {
  const counted = await consume(caller, keys);
  return whileCounted(caller, counted, work);
}

/**
 * Counts an email, then does the work that queues it. An attempt that queues none, because a limit rejects it or the work fails, is taken back: a
 * caller who has to wait for others must not use up their own share meanwhile (docs/decisions/0046).
 */
export async function withinEmailLimits<T>(caller: Caller, keys: RateLimitKeys, work: () => Promise<T>): Promise<T> {
  const { counted, exceeded } = await count(caller, keys);
  try {
    if (exceeded) throw await rateLimited(caller, exceeded);
    return await work();
  } catch (error) {
    await takeBack(caller, counted).catch(() => {}); // the database may be what has failed
    throw error;
  }
}

const undecided: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode | undefined>(['UNAVAILABLE', 'INTERNAL', undefined]);

/** Returns the limit that the attempt exceeds, if any, and the limits before it, which have counted it. */
async function count({ db }: Caller, keys: RateLimitKeys) {
  const entries = entriesOf(keys);
  if (entries.length === 0) return { counted: [], exceeded: undefined };
  const counters = entries.map(({ name, key, subject }, index) => {
    const { points, window, waits }: Limit = limits[name];
    const previousPassed = index === 0 ? sql`true` : sql`exists (select 1 from ${cteName(index - 1)})`;
    const isExpired = sql`l."expiresAt" <= now()`;
    const isLast = sql`l.count + 1 >= ${points}`; // a wait follows
    const seconds = waits && sql`least(${waits.longest}::int, ${waits.first}::int * power(2, least(l.count + 1 - ${points}, 11)))`; // 2^11 exceeds the longest wait
    const isAllowed = waits ? sql`coalesce(l."blockedUntil" <= now(), true)` : sql`l.count < ${points}`;
    const wait = seconds ? sql`case when not (${isExpired}) and ${isLast} then now() + ${seconds} * interval '1 s' end` : sql`null`;
    const restarts = waits ? sql`(${isExpired} or ${isLast})` : isExpired;
    return sql`${cteName(index)} as (
      insert into "RateLimit" as l (key, subject, count, "expiresAt") select ${key}, ${subject}, 1, now() + ${interval(window)} where ${previousPassed}
      on conflict (key) do update set
        count = case when ${isExpired} then 1 else l.count + 1 end,
        "expiresAt" = case when ${restarts} then excluded."expiresAt" else l."expiresAt" end,
        "blockedUntil" = ${wait}
      where ${isExpired} or ${isAllowed}
      returning key, "expiresAt"::text, "blockedUntil"::text, (${previousExpiry}) as "previousExpiresAt")`;
  });
  const results = entries.map((_, index) => sql`select * from ${cteName(index)}`);
  const counted = await db.query<Counted>(sql`with ${Prisma.join(counters)} ${Prisma.join(results, ' union all ')}`);
  return { counted, exceeded: entries[counted.length] };
}

// Reads the row as it was before the statement. The count differs if a concurrent attempt has changed the row since.
const previousExpiry = sql`
  select p."expiresAt"::text from "RateLimit" p where p.key = l.key and p."expiresAt" > now() and p.count = l.count - 1`;

const cteName = (index: number) => Prisma.raw(`limit${index}`);

async function rateLimited(caller: Caller, { name, key }: { name: LimitName; key: string }) {
  const [row] = await caller.db.query<{ seconds: number }>(sql`
    select ceil(extract(epoch from coalesce("blockedUntil", "expiresAt") - now()))::int as seconds from "RateLimit" where key = ${key}`);
  return rateLimitError(caller, name, row?.seconds ?? 1);
}

/** Logs that an attempt exceeds a limit. Returns the error to throw, with the seconds to wait. */
export function rateLimitError({ log, client }: Pick<Caller, 'log' | 'client'>, name: LimitName, seconds: number): GraphQLError {
  log.warn({ event: 'excess_rate_limit_exceeded', limit: name, network: client.network });
  return requestError('RATE_LIMITED', { 'retry-after': String(Math.max(1, seconds)) });
}

/** Refunds a successful attempt, and the failures before it on the same network or with the same proof; other failures stay counted. */
export const refund = (caller: Pick<Caller, 'db'>, counted: readonly Counted[]) =>
  giveBack(caller, counted, sql`l.key ~ '^passwordBy(AccountAndNetwork|Proof):'`);

/** Takes back an attempt, as if it had not been made. */
const takeBack = (caller: Pick<Caller, 'db'>, counted: readonly Counted[]) => giveBack(caller, counted, sql`false`);

/** Leaves no trace of the attempt. A window or wait that another attempt has begun meanwhile stays. */
async function giveBack({ db }: Pick<Caller, 'db'>, counted: readonly Counted[], forgetsFailures: Sql): Promise<void> {
  if (counted.length === 0) return;
  const valuesOf = (name: keyof Counted) => counted.map((limit) => limit[name]);
  // Lock order: that of `count`, so that the two statements do not deadlock.
  await db.query(sql`
    with attempt as (
      select * from unnest(${valuesOf('key')}::text[], ${valuesOf('expiresAt')}::timestamptz[], ${valuesOf('blockedUntil')}::timestamptz[],
        ${valuesOf('previousExpiresAt')}::timestamptz[]) with ordinality as a (key, "expiresAt", "blockedUntil", "previousExpiresAt", position)
    ), locked as (
      select l.key, case when ${forgetsFailures} then 0 else l.count - 1 end as remaining, a."previousExpiresAt",
        l."expiresAt" = a."expiresAt" and l."blockedUntil" is not distinct from a."blockedUntil" as "isUnchanged"
      from "RateLimit" l join attempt a on a.key = l.key order by a.position for update of l
    ), emptied as (
      delete from "RateLimit" l using locked where l.key = locked.key and locked.remaining <= 0
    )
    update "RateLimit" l set count = locked.remaining,
      "expiresAt" = case when locked."isUnchanged" then coalesce(locked."previousExpiresAt", l."expiresAt") else l."expiresAt" end,
      "blockedUntil" = case when locked."isUnchanged" then null else l."blockedUntil" end
    from locked where l.key = locked.key and locked.remaining > 0`);
}

/**
 * Forgets the failures at an account from one network, where the caller has just shown to own it. Those from elsewhere stay, and so does a wait: if it
 * ended, everyone could see that the account exists and what its owner did (docs/decisions/0046).
 */
export async function forgetFailuresFrom({ query }: Pick<Database, 'query'>, userId: string, network: string): Promise<void> {
  const keys = (await namesOf({ query }, userId)).flatMap((name) => {
    const { passwordByAccountAndNetwork } = loginKeys(name, network);
    return entriesOf({ passwordByAccountAndNetwork }).map(({ key }) => key);
  });
  await query(sql`delete from "RateLimit" where key = any(${keys}::text[])`);
}

/** The names by which an account can log in, as in `loginKeys`. */
async function namesOf({ query }: Pick<Database, 'query'>, userId: string): Promise<string[]> {
  const [user] = await query<Pick<User, 'emailKey' | 'usernameKey'>>(
    sql`select "emailKey", "usernameKey" from "User" where id = ${userId}::uuid`,
  );
  return [user?.emailKey, user?.usernameKey].flatMap((name) => name ?? []);
}

/** Forgets the password failures of an account from all networks, for an administrator who unlocks it. Returns true if there were any. */
export async function clearFailures({ query }: Pick<Database, 'query'>, userId: string): Promise<boolean> {
  const subjects = [userId, ...(await namesOf({ query }, userId))].map(digest);
  // Lock order: that of `count`, which locks the limit of an account last.
  const cleared = await query<{ failures: number }>(sql`
    with locked as (
      select key from "RateLimit" where subject = any(${subjects}::text[]) order by key like 'passwordByAccount:%', key for update
    )
    delete from "RateLimit" l using locked where l.key = locked.key
    returning case when l."expiresAt" > now() then l.count else 0 end as failures`);
  return cleared.some(({ failures }) => failures > 0);
}
