import { createHash } from 'node:crypto';
import type { GraphQLError } from 'graphql';
import { type Database, interval, sql } from '../../database/database.ts';
import { Prisma, type User } from '../../database/generated/prisma/client.ts';
import { requestError } from '../../errors.ts';
import type { RequestScope } from '../request-scope.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** How many attempts are allowed per key. */
interface Limit {
  readonly points: number;
  /** Milliseconds after which the count starts again. */
  readonly window: number;
  /** If set, further attempts are allowed after waits of 1, 2, 4 … seconds, up to `maxWait`, and the window starts again with each of them. */
  readonly growingWaits?: true;
}

const maxWait = 900; // seconds; security.md 4.5

const limits = {
  passwordByNetwork: { points: 100, window: hour }, // security.md F17, as are the next three
  passwordByAccountAndNetwork: { points: 5, window: 5 * minute },
  // Without waits an attacker has 20 guesses in 6 hours; with them 4 in an hour, so that pausing gains nothing.
  passwordByAccount: { points: 20, window: 6 * hour, growingWaits: true },
  passwordByProof: { points: 5, window: 15 * minute }, // by the session or the email link that the password is given with
  registerByNetwork: { points: 30, window: hour }, // security.md F19: a registration causes an email
  emailByAddress: { points: 3, window: hour }, // security.md F19, as are the next two
  emailByAddressDaily: { points: 10, window: day },
  emailByNetwork: { points: 30, window: hour },
  invitationByUser: { points: 100, window: day }, // from any network: security.md 9.5
  linkByNetwork: { points: 100, window: hour }, // as for invalid tokens
  usernameByAccount: { points: 10, window: hour }, // each attempt reveals whether a name is taken
  usernameByNetwork: { points: 30, window: hour },
  badTokenByNetwork: { points: 100, window: hour }, // security.md 4.7
  badTokenByClient: { points: 10_000, window: hour }, // a resource server forwards whatever it receives: many times what one attacker could send
} as const satisfies Record<string, Limit>;

type Caller = Pick<RequestScope, 'db' | 'log' | 'client'>;
type LimitName = keyof typeof limits;

/** A key, and the subject whose `clearFailures` also forgets it. */
interface SubjectKey {
  readonly key: string;
  readonly subject: string;
}

/** The limits that an attempt counts towards, in this order, each with its key. */
export type RateLimitKeys = Partial<Record<LimitName, string | SubjectKey>>;

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

/** The keys of an email of a kind to an address, which need not have an account. */
export const emailKeys = (kind: string, address: string): RateLimitKeys => ({
  emailByAddress: `${kind} ${address}`,
  emailByAddressDaily: `${kind} ${address}`,
});

/**
 * Counts an attempt before its secret is checked. Atomic: one statement in the database, so that a burst over any number of aliases, batches and
 * nodes passes at most `points` times. Throws RATE_LIMITED with the seconds to wait. Each limit only counts what the limits before it passed, so
 * that an attacker who is stopped by a narrow limit does not use up the owner's wide one (security.md 4.5).
 */
export async function consume(caller: Caller, keys: RateLimitKeys): Promise<void> {
  const exceeded = await count(caller, keys);
  if (exceeded) throw await rateLimited(caller, exceeded);
}

/** Counts an attempt like `consume`. Returns false if a limit is exceeded, for actions that are skipped silently. */
export const tryConsume = async (caller: Caller, keys: RateLimitKeys): Promise<boolean> => (await count(caller, keys)) === undefined;

/**
 * Counts a login like `consume`. Returns the error instead of throwing it if only the limit of the account is exceeded: a correct password from a
 * network that the account knows is still accepted then, so that guesses from elsewhere do not keep its owner out (docs/decisions/0035).
 */
export async function consumeLogin(caller: Caller, keys: ReturnType<typeof loginKeys>): Promise<GraphQLError | undefined> {
  const exceeded = await count(caller, keys);
  const error = exceeded && (await rateLimited(caller, exceeded));
  if (error && exceeded.name !== 'passwordByAccount') throw error;
  return error;
}

/** Returns the limit that the attempt exceeds; undefined if it was counted. */
async function count({ db }: Caller, keys: RateLimitKeys) {
  const entries = entriesOf(keys);
  const counters = entries.map(({ name, key, subject }, index) => {
    const { points, window, growingWaits }: Limit = limits[name];
    const previousPassed = index === 0 ? sql`true` : sql`exists (select 1 from ${cteName(index - 1)})`;
    const isExpired = sql`l."expiresAt" <= now()`;
    const isLast = sql`l.count + 1 >= ${points}`; // a wait follows
    const seconds = sql`least(${maxWait}, power(2, least(l.count + 1 - ${points}, 10)))`; // 2^10 exceeds the longest wait
    const isAllowed = growingWaits ? sql`coalesce(l."blockedUntil" <= now(), true)` : sql`l.count < ${points}`;
    const wait = growingWaits ? sql`case when not (${isExpired}) and ${isLast} then now() + ${seconds} * interval '1 s' end` : sql`null`;
    const restarts = growingWaits ? sql`(${isExpired} or ${isLast})` : isExpired;
    return sql`${cteName(index)} as (
      insert into "RateLimit" as l (key, subject, count, "expiresAt") select ${key}, ${subject}, 1, now() + ${interval(window)} where ${previousPassed}
      on conflict (key) do update set
        count = case when ${isExpired} then 1 else l.count + 1 end,
        "expiresAt" = case when ${restarts} then excluded."expiresAt" else l."expiresAt" end,
        "blockedUntil" = ${wait}
      where ${isExpired} or ${isAllowed}
      returning 1)`;
  });
  const results = entries.map((_, index) => sql`select 1 from ${cteName(index)}`);
  const passed = await db.query(sql`with ${Prisma.join(counters)} ${Prisma.join(results, ' union all ')}`);
  return entries[passed.length];
}

const cteName = (index: number) => Prisma.raw(`limit${index}`);

async function rateLimited({ db, log, client }: Caller, { name, key }: { name: LimitName; key: string }) {
  const [row] = await db.query<{ seconds: number }>(sql`
    select ceil(extract(epoch from coalesce("blockedUntil", "expiresAt") - now()))::int as seconds from "RateLimit" where key = ${key}`);
  log.warn({ event: 'excess_rate_limit_exceeded', limit: name, network: client.network });
  return requestError('RATE_LIMITED', { 'retry-after': String(Math.max(1, row?.seconds ?? 1)) });
}

/** Refunds a successful attempt: resets the account on this network; other failures stay counted. */
export async function refund({ db }: Caller, keys: RateLimitKeys): Promise<void> {
  const storedKeys = entriesOf(keys).map(({ key }) => key);
  // Lock order: that of `count`, so that the two statements do not deadlock.
  await db.query(sql`
    with locked as (select key from "RateLimit" where key = any(${storedKeys}::text[]) order by array_position(${storedKeys}::text[], key::text) for update)
    update "RateLimit" l set "blockedUntil" = null,
      count = case when l.key like 'passwordByAccountAndNetwork:%' then 0 else greatest(l.count - 1, 0) end
    from locked where l.key = locked.key`);
}

/** Forgets the password failures of an account from all networks. Returns true if there were any. */
export async function clearFailures({ query }: Pick<Database, 'query'>, userId: string): Promise<boolean> {
  const [user] = await query<Pick<User, 'emailKey' | 'usernameKey'>>(
    sql`select "emailKey", "usernameKey" from "User" where id = ${userId}::uuid`,
  );
  const subjects = [userId, user?.emailKey, user?.usernameKey].flatMap((subject) => (subject ? digest(subject) : []));
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
  Object.entries(keys).map(([name, value]) => {
    const { key, subject } = typeof value === 'string' ? { key: value, subject: null } : value;
    return { name: name as LimitName, key: `${name}:${digest(key)}`, subject: subject === null ? null : digest(subject) };
  });

/** The table does not contain addresses in plain text. */
const digest = (key: string) => createHash('sha256').update(key).digest('base64url');
