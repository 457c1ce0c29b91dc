import { type Database, sql } from '../../database/database.ts';
import type { User } from '../../database/generated/prisma/client.ts';
import { digest, entriesOf, loginKeys } from './rate-limit-keys.ts';

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
