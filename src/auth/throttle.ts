import { createHash } from 'node:crypto';
import type { Context } from '../context.ts';
import { type Sql, sql } from '../db.ts';
import { refusal } from '../errors.ts';

const minute = 60_000;
const hour = 60 * minute;

/** What is limited: how many tries per key in how many milliseconds. */
const limits = {
  passwordByAccountAndNetwork: { most: 5, window: 5 * minute }, // security.md F17, as are the next two
  passwordByAccount: { most: 20, window: hour },
  passwordByNetwork: { most: 100, window: hour },
  registerByNetwork: { most: 30, window: hour }, // security.md F19: a registration causes a mail
  badTokenByNetwork: { most: 100, window: hour }, // security.md 4.7
  writesByUser: { most: 600, window: minute },
} as const;

type Limit = keyof typeof limits;
export type Tries = Partial<Record<Limit, string>>;

/** The keys of one try of a password: for an account that does not exist they are as real as for one that does. */
export const passwordTries = (account: string, network: string): Tries => ({
  passwordByAccountAndNetwork: `${account} ${network}`,
  passwordByAccount: account,
  passwordByNetwork: network,
});

interface Counted {
  name: Limit;
  count: number;
  wait: number;
}

/**
 * Counts a try before the secret is looked at, in one statement, in the database: a burst over any number of aliases, batches and nodes
 * reaches the check at most `most` times. Throws RATE_LIMITED with the seconds to wait.
 */
export async function throttle(context: Context, tries: Tries): Promise<void> {
  const named = Object.entries(tries).map(([name, key]) => ({ name: name as Limit, key: keyOf(name, key) }));
  named.sort((a, b) => (a.key < b.key ? -1 : 1)); // one order for all, so that two statements never wait for each other
  const counted = await context.db.query<Counted>(sql`
    insert into "Throttle" as t (key, count, "expiresAt")
    select key, 1, now() + millis * interval '1 ms'
    from unnest(${named.map((one) => one.key)}::text[], ${named.map((one) => limits[one.name].window)}::float8[]) as tried (key, millis)
    on conflict (key) do update set
      count = case when t."expiresAt" <= now() then 1 else t.count + 1 end,
      "expiresAt" = case when t."expiresAt" <= now() then excluded."expiresAt" else t."expiresAt" end
    returning split_part(key, ':', 1) as name, count, ceil(extract(epoch from "expiresAt" - now()))::int as wait`);
  const exceeded = counted.filter(({ name, count }) => count > limits[name].most);
  if (exceeded.length === 0) return;
  const wait = Math.max(...exceeded.map((one) => one.wait));
  context.log.warn({ event: 'excess_rate_limit_exceeded', limits: exceeded.map((one) => one.name), network: context.client.network });
  throw refusal('RATE_LIMITED', { 'retry-after': String(wait) });
}

/** The statement that gives a successful try back: the account and network are no longer suspected, other failures of theirs stay counted. */
export const forgiven = (tries: Tries): Sql => {
  const keys = Object.entries(tries).map(([name, key]) => keyOf(name, key));
  return sql`update "Throttle" set count = case when key like 'passwordByAccountAndNetwork:%' then 0 else greatest(count - 1, 0) end
    where key = any(${keys}::text[])`;
};

/** Addresses do not stand in the table as such. */
const keyOf = (name: string, key: string) => `${name}:${createHash('sha256').update(key).digest('base64url')}`;
