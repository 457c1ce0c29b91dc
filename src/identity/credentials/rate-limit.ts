import { createHash } from 'node:crypto';
import type { GraphQLError } from 'graphql';
import { type Database, interval, type Sql, sql } from '../../database/database.ts';
import { Prisma, type User } from '../../database/generated/prisma/client.ts';
import { codeOf, type ErrorCode, requestError } from '../../errors.ts';
import type { RequestScope } from '../request-scope.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How many attempts are allowed per key. */
interface Limit {
  readonly points: number;
  /** Milliseconds after which the count starts again. */
  readonly window: number;
  /** If set, further attempts are allowed after waits that double from the first to the longest one, and the window starts again with each of them. */
  readonly waits?: { readonly first: number; readonly longest: number }; // seconds
}

const limits = {
  passwordByNetwork: { points: 100, window: hour }, // security.md F17, as are the next three
  passwordByAccountAndNetwork: { points: 5, window: 5 * minute },
  // Without waits an attacker has 20 guesses in 6 hours; with them 4 in an hour, so that pausing gains nothing.
  passwordByAccount: { points: 20, window: 6 * hour, waits: { first: 1, longest: 900 } }, // security.md 4.5
  passwordByProof: { points: 5, window: 15 * minute }, // by the session, or the user of the email link, that the password is given with
  registerByNetwork: { points: 30, window: hour }, // security.md F19: a registration causes an email
  emailByRequester: { points: 3, window: hour }, // security.md F19, as are the next three
  // 11 emails on the first day and 6 on each later one: too few to make others wait. No requester waits for a day, because many users may share a network.
  emailByRequesterDaily: { points: 5, window: day, waits: { first: 3_600, longest: 14_400 } },
  // All requesters together: 72 emails on the first day and 48 on each later one, from at least 7 of them. The longest wait is the lifetime of a reset
  // link: an owner who has to wait has an email with a live link in the mailbox (docs/decisions/0046).
  emailByAddress: { points: 20, window: day, waits: { first: 60, longest: 1_800 } },
  emailByNetwork: { points: 30, window: hour },
  invitationByUser: { points: 100, window: day }, // from any network: security.md 9.5
  apiTokenByUser: { points: 50, window: day }, // each one causes an email, which others must not bury
  linkByNetwork: { points: 100, window: hour }, // as for invalid tokens
  codeByAddressAndNetwork: { points: 5, window: 15 * minute }, // security.md 4.11, as is the next one
  codeByAddress: { points: 20, window: day, waits: { first: 1, longest: 1_800 } },
  usernameByAccount: { points: 10, window: hour }, // each attempt reveals whether a name is taken
  usernameByNetwork: { points: 30, window: hour },
  badTokenByNetwork: { points: 100, window: hour }, // security.md 4.7
  badTokenByClient: { points: 10_000, window: hour }, // a resource server forwards whatever it receives: many times what one attacker could send
} as const satisfies Record<string, Limit>;

interface Caller extends Pick<RequestScope, 'log' | 'client'> {
  readonly db: Pick<Database, 'query'>;
}
type LimitName = keyof typeof limits;

/** A key, and the subject with which `clearFailures` finds it. */
interface SubjectKey {
  readonly key: string;
  readonly subject: string;
}

/** The limits that an attempt counts towards, in this order, each with its key. */
type RateLimitKeys = { readonly [name in LimitName]?: string | SubjectKey | undefined };

/**
 * The keys of a login by the email address or username of an account. One that does not exist has the same kind of keys. The two names of an account
 * have separate keys: shared ones would reveal that they belong to the same account.
 */
export const loginKeys = (account: string, network: string) => ({
  passwordByNetwork: network,
  passwordByAccountAndNetwork: { key: `${account} ${network}`, subject: account },
  passwordByAccount: { key: account, subject: account },
});

/** The keys of a password given together with another proof, a session or an email link. Guesses at `login` do not count towards them. */
export const proofKeys = (userId: string, proofId: string): RateLimitKeys => ({ passwordByProof: { key: proofId, subject: userId } });

/** The keys of a guess at the code that was emailed to an address. */
export const codeKeys = (address: string, network: string) => ({
  codeByAddressAndNetwork: `${address} ${network}`,
  codeByAddress: address,
});

/**
 * The keys of an email of a kind to an address, which need not have an account. The requester is the network of an anonymous caller, or the user: one
 * requester does not use up the emails that others may request.
 */
export const emailKeys = (kind: string, address: string, requester: string): RateLimitKeys => ({
  ...emailKeysOfRequester(kind, address, requester),
  ...emailKeysOfAddress(kind, address),
});

/** The limit of all requesters together. Counted last: callers who turn out not to be allowed to send the email must not use it up. */
export const emailKeysOfAddress = (kind: string, address: string): RateLimitKeys => ({ emailByAddress: `${kind} ${address}` });

/** The limits of the requester. */
export const emailKeysOfRequester = (kind: string, address: string, requester: string): RateLimitKeys => ({
  emailByRequester: `${kind} ${requester} ${address}`,
  emailByRequesterDaily: `${kind} ${requester} ${address}`,
});

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

async function rateLimited({ db, log, client }: Caller, { name, key }: { name: LimitName; key: string }) {
  const [row] = await db.query<{ seconds: number }>(sql`
    select ceil(extract(epoch from coalesce("blockedUntil", "expiresAt") - now()))::int as seconds from "RateLimit" where key = ${key}`);
  log.warn({ event: 'excess_rate_limit_exceeded', limit: name, network: client.network });
  return requestError('RATE_LIMITED', { 'retry-after': String(Math.max(1, row?.seconds ?? 1)) });
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

const entriesOf = (keys: RateLimitKeys) =>
  Object.entries(keys).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const { key, subject } = typeof value === 'string' ? { key: value, subject: null } : value;
    return { name: name as LimitName, key: `${name}:${digest(key)}`, subject: subject === null ? null : digest(subject) };
  });

/** The table does not contain addresses in plain text. */
const digest = (key: string) => createHash('sha256').update(key).digest('base64url');
