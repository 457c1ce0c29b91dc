import { sql, type Tx } from '../../database/database.ts';
import { unlessTaken } from '../../database/unless-taken.ts';

/**
 * Marks the email address of a user as confirmed and assigns the username requested at registration, unless it was taken since. Until then the
 * username is not reserved: if it were, its being taken would reveal that the address of the registration was not (security.md 3.4). Returns
 * false if the address was confirmed already.
 */
export async function markEmailConfirmed(tx: Tx, userId: string): Promise<boolean> {
  const count = await tx.$executeRaw(
    sql`update "User" set "emailConfirmedAt" = clock_timestamp() where id = ${userId}::uuid and "emailConfirmedAt" is null`,
  );
  const assignUsername = sql`
    update "User" u set "usernameKey" = lower(u.username)
    where u.id = ${userId}::uuid and u."usernameKey" is null
      and not exists (select 1 from "User" other where other."usernameKey" = lower(u.username))`;
  await unlessTaken(tx, () => tx.$executeRaw(assignUsername));
  return count > 0;
}
