import { sql, type Tx } from '../../database/database.ts';
import type { User } from '../../database/generated/prisma/client.ts';

/** An email address as entered, and normalized for comparison. */
type EmailAddress = Pick<User, 'email' | 'emailKey'>;

/** Reserves the previous address of a user for longer than the change can be undone. A trigger keeps other users from taking it. */
export async function reserveFormerEmail(tx: Tx, userId: string, { email, emailKey }: EmailAddress): Promise<void> {
  // 24 hours for attempts to send the email, and 72 for its link (security.md 11.6, 11.10). clock_timestamp(), not the start of the transaction: of
  // two changes where one waited for the other, the second is the later one.
  await tx.$executeRaw(sql`
    insert into "ReservedEmail" ("emailKey", email, "userId", "changedAt", "expiresAt")
    values (${emailKey}, ${email}, ${userId}::uuid, clock_timestamp(), now() + interval '96 h')
    on conflict ("emailKey") do update
      set email = excluded.email, "userId" = excluded."userId", "changedAt" = excluded."changedAt", "expiresAt" = excluded."expiresAt"`);
}

/** Ends the reservation. Returns the address as it was entered, or undefined if it is not reserved for the user. */
export async function releaseFormerEmail(tx: Tx, userId: string, emailKey: string): Promise<string | undefined> {
  // Later reservations end too: their emails went to addresses that are not the owner's. Earlier ones stay.
  const released = await tx.$queryRaw<EmailAddress[]>(sql`
    delete from "ReservedEmail" where "userId" = ${userId}::uuid and "changedAt" >= (
      select "changedAt" from "ReservedEmail" where "userId" = ${userId}::uuid and "emailKey" = ${emailKey} and "expiresAt" > now())
    returning email, "emailKey"`);
  return released.find((address) => address.emailKey === emailKey)?.email;
}

/** True if the address is reserved, and not for `exceptUserId`. */
export async function isReserved(tx: Pick<Tx, '$queryRaw'>, emailKey: string, exceptUserId?: string): Promise<boolean> {
  const reservations = await tx.$queryRaw<unknown[]>(sql`
    select 1 from "ReservedEmail" where "emailKey" = ${emailKey} and "expiresAt" > now() and "userId" is distinct from ${exceptUserId ?? null}::uuid`);
  return reservations.length > 0;
}
