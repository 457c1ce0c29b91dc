import { createHash } from 'node:crypto';
import { interval, sql } from '../../database/database.ts';
import { Prisma } from '../../database/generated/prisma/client.ts';
import { requestError } from '../../errors.ts';
import type { RequestScope } from '../request-scope.ts';

const minute = 60_000;
const hour = 60 * minute;

/** What is limited: how many tries per key in how many milliseconds. */
const limits = {
  passwordByAccountAndNetwork: { most: 5, window: 5 * minute }, // security.md F17, as are the next two
  passwordByAccount: { most: 20, window: hour },
  passwordByNetwork: { most: 100, window: hour },
  registerByNetwork: { most: 30, window: hour }, // security.md F19: a registration causes a mail
  mailByAddress: { most: 3, window: hour }, // security.md F19, as are the next two
  mailByAddressADay: { most: 10, window: 24 * hour },
  mailByNetwork: { most: 30, window: hour },
  invitationByUser: { most: 100, window: 24 * hour }, // whatever networks they ask from: security.md 9.5
  linkByNetwork: { most: 100, window: hour }, // as bad tokens
  usernameByAccount: { most: 10, window: hour }, // each try tells whether a name is taken
  usernameByNetwork: { most: 30, window: hour },
  badTokenByNetwork: { most: 100, window: hour }, // security.md 4.7
  badTokenByAsker: { most: 10_000, window: hour }, // a resource server passes on whatever it is shown: many times what one guesser could send
} as const;

/** The request whose attempts are counted. */
type Caller = Pick<RequestScope, 'db' | 'log' | 'client'>;

type Limit = keyof typeof limits;
/** What one try counts for, and in which order. */
export type RateLimitKeys = Partial<Record<Limit, string>>;

/** The keys of one try of a password: for an account that does not exist they are as real as for one that does. */
export const passwordKeys = (account: string, network: string): RateLimitKeys => ({
  passwordByNetwork: network,
  passwordByAccountAndNetwork: `${account} ${network}`,
  passwordByAccount: account,
});

/** The keys of one letter of a kind to an address, which need not be one of ours. */
export const emailKeys = (kind: string, address: string): RateLimitKeys => ({
  mailByAddress: `${kind} ${address}`,
  mailByAddressADay: `${kind} ${address}`,
});

/**
 * Counts a try before the secret is looked at, in one statement, in the database: a burst over any number of aliases, batches and nodes
 * reaches the check at most `most` times. Throws RATE_LIMITED with the seconds to wait. Each limit counts only what those before it let
 * through, so that a stranger who is refused by the narrow ones does not use up the owner's wide one (security.md 4.5).
 */
export async function consume(context: Caller, tries: RateLimitKeys): Promise<void> {
  const exceeded = await count(context, tries);
  if (exceeded) throw await refused(context, exceeded);
}

/** Counts a try in the same way; answers whether it was let through, for what is left out in silence. */
export const tryConsume = async (context: Caller, tries: RateLimitKeys): Promise<boolean> => (await count(context, tries)) === undefined;

/** Answers the limit that the try exceeds; undefined where it was counted. */
async function count(context: Caller, tries: RateLimitKeys) {
  const named = entries(tries);
  const counting = named.map(({ name, key }, index) => {
    const { most, window } = limits[name];
    const before = index === 0 ? sql`true` : sql`exists (select 1 from ${counted(index - 1)})`;
    return sql`${counted(index)} as (
      insert into "Throttle" as t (key, count, "expiresAt") select ${key}, 1, now() + ${interval(window)} where ${before}
      on conflict (key) do update set
        count = case when t."expiresAt" <= now() then 1 else t.count + 1 end,
        "expiresAt" = case when t."expiresAt" <= now() then excluded."expiresAt" else t."expiresAt" end
      where t."expiresAt" <= now() or t.count < ${most}
      returning 1)`;
  });
  const all = named.map((_, index) => sql`select 1 from ${counted(index)}`);
  const passed = await context.db.query(sql`with ${Prisma.join(counting)} ${Prisma.join(all, ' union all ')}`);
  return named[passed.length];
}

const counted = (index: number) => Prisma.raw(`counted${index}`);

async function refused({ db, log, client }: Caller, { name, key }: { name: Limit; key: string }) {
  const left = sql`select ceil(extract(epoch from "expiresAt" - now()))::int as wait from "Throttle" where key = ${key}`;
  const [row] = await db.query<{ wait: number }>(left);
  log.warn({ event: 'excess_rate_limit_exceeded', limit: name, network: client.network });
  return requestError('RATE_LIMITED', { 'retry-after': String(Math.max(1, row?.wait ?? 1)) });
}

/** Gives a successful try back: the account and network are no longer suspected, other failures of theirs stay counted. */
export async function refund({ db }: Caller, tries: RateLimitKeys): Promise<void> {
  const keys = entries(tries).map((one) => one.key);
  // Rows are locked in the order of `throttle`, so that the two never wait for each other.
  await db.query(sql`
    with held as (select key from "Throttle" where key = any(${keys}::text[]) order by array_position(${keys}::text[], key::text) for update)
    update "Throttle" t set count = case when t.key like 'passwordByAccountAndNetwork:%' then 0 else greatest(t.count - 1, 0) end
    from held where t.key = held.key`);
}

const entries = (tries: RateLimitKeys) => Object.entries(tries).map(([name, key]) => ({ name: name as Limit, key: keyOf(name, key) }));

/** Addresses do not stand in the table as such. */
const keyOf = (name: string, key: string) => `${name}:${createHash('sha256').update(key).digest('base64url')}`;
