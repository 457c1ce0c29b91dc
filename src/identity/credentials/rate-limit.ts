import { createHash } from 'node:crypto';
import { interval, sql } from '../../database/database.ts';
import { Prisma } from '../../database/generated/prisma/client.ts';
import { requestError } from '../../errors.ts';
import type { RequestScope } from '../request-scope.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** The attempts allowed per key and window, in milliseconds. */
const limits = {
  passwordByAccountAndNetwork: { points: 5, window: 5 * minute }, // security.md F17, as are the next two
  passwordByAccount: { points: 20, window: hour },
  passwordByNetwork: { points: 100, window: hour },
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
} as const;

type Caller = Pick<RequestScope, 'db' | 'log' | 'client'>;
type LimitName = keyof typeof limits;

/** The limits that an attempt counts towards, in this order, each with its key. */
export type RateLimitKeys = Partial<Record<LimitName, string>>;

/** The keys of a password attempt. An account that does not exist has the same kind of keys as one that does. */
export const passwordKeys = (account: string, network: string): RateLimitKeys => ({
  passwordByNetwork: network,
  passwordByAccountAndNetwork: `${account} ${network}`,
  passwordByAccount: account,
});

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

/** Returns the limit that the attempt exceeds; undefined if it was counted. */
async function count({ db }: Caller, keys: RateLimitKeys) {
  const entries = entriesOf(keys);
  const counters = entries.map(({ name, key }, index) => {
    const { points, window } = limits[name];
    const previousPassed = index === 0 ? sql`true` : sql`exists (select 1 from ${cteName(index - 1)})`;
    return sql`${cteName(index)} as (
      insert into "RateLimit" as l (key, count, "expiresAt") select ${key}, 1, now() + ${interval(window)} where ${previousPassed}
      on conflict (key) do update set
        count = case when l."expiresAt" <= now() then 1 else l.count + 1 end,
        "expiresAt" = case when l."expiresAt" <= now() then excluded."expiresAt" else l."expiresAt" end
      where l."expiresAt" <= now() or l.count < ${points}
      returning 1)`;
  });
  const results = entries.map((_, index) => sql`select 1 from ${cteName(index)}`);
  const passed = await db.query(sql`with ${Prisma.join(counters)} ${Prisma.join(results, ' union all ')}`);
  return entries[passed.length];
}

const cteName = (index: number) => Prisma.raw(`limit${index}`);

async function rateLimited({ db, log, client }: Caller, { name, key }: { name: LimitName; key: string }) {
  const [row] = await db.query<{ seconds: number }>(
    sql`select ceil(extract(epoch from "expiresAt" - now()))::int as seconds from "RateLimit" where key = ${key}`,
  );
  log.warn({ event: 'excess_rate_limit_exceeded', limit: name, network: client.network });
  return requestError('RATE_LIMITED', { 'retry-after': String(Math.max(1, row?.seconds ?? 1)) });
}

/** Refunds a successful attempt: resets the account on this network; other failures stay counted. */
export async function refund({ db }: Caller, keys: RateLimitKeys): Promise<void> {
  const storedKeys = entriesOf(keys).map(({ key }) => key);
  // Lock order: that of `count`, so that the two statements do not deadlock.
  await db.query(sql`
    with locked as (select key from "RateLimit" where key = any(${storedKeys}::text[]) order by array_position(${storedKeys}::text[], key::text) for update)
    update "RateLimit" l set count = case when l.key like 'passwordByAccountAndNetwork:%' then 0 else greatest(l.count - 1, 0) end
    from locked where l.key = locked.key`);
}

const entriesOf = (keys: RateLimitKeys) =>
  Object.entries(keys).map(([name, key]) => ({ name: name as LimitName, key: `${name}:${digest(key)}` }));

/** The table does not contain addresses in plain text. */
const digest = (key: string) => createHash('sha256').update(key).digest('base64url');
