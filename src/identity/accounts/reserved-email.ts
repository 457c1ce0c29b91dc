import { sql, type Tx } from '../../database/database.ts';
import type { User } from '../../database/generated/prisma/client.ts';

/** What tells an address from another: as it was typed, and in the one form that is compared. */
type Address = Pick<User, 'email' | 'emailKey'>;

/**
 * Keeps the address that a user has had for whoever undoes the change: longer than that link works, however late it is sent. Nobody else gets
 * it meanwhile (a trigger of the database).
 */
export async function reserveFormerEmail(tx: Tx, userId: string, { email, emailKey }: Address): Promise<void> {
  // 24 hours of attempts to send the letter, and 72 for the link in it (security.md 11.6, 11.10). The clock, and not the begin of the transaction:
  // of two changes that waited for each other the second is the later one.
  await tx.$executeRaw(sql`
    insert into "FormerEmail" ("emailKey", email, "userId", "changedAt", "expiresAt")
    values (${emailKey}, ${email}, ${userId}::uuid, clock_timestamp(), now() + interval '96 h')
    on conflict ("emailKey") do update
      set email = excluded.email, "userId" = excluded."userId", "changedAt" = excluded."changedAt", "expiresAt" = excluded."expiresAt"`);
}

/** Takes the address out of those that are kept; answers it as it was typed, undefined where it is not kept for the user. */
export async function releaseFormerEmail(tx: Tx, userId: string, emailKey: string): Promise<string | undefined> {
  // What was changed later goes too: its letters went to addresses that are not the owner's. What was changed before stays.
  const taken = await tx.$queryRaw<Address[]>(sql`
    delete from "FormerEmail" where "userId" = ${userId}::uuid and "changedAt" >= (
      select "changedAt" from "FormerEmail" where "userId" = ${userId}::uuid and "emailKey" = ${emailKey} and "expiresAt" > now())
    returning email, "emailKey"`);
  return taken.find((one) => one.emailKey === emailKey)?.email;
}

/** Whether the address is kept for its last owner. */
export async function isReserved(tx: Pick<Tx, 'formerEmail'>, emailKey: string, but?: string): Promise<boolean> {
  const kept = await tx.formerEmail.findUnique({ where: { emailKey, expiresAt: { gt: new Date() } }, select: { userId: true } });
  return kept !== null && kept.userId !== but;
}
