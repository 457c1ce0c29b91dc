import { parentOf } from '../../authorization/rules/ownership.ts';
import { type Database, databaseTime, onTransaction, sql, type Tx } from '../../database/database.ts';
import { Prisma, type Token, type User } from '../../database/generated/prisma/client.ts';
import type { MutationScope } from '../../graphql/mutation.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { revokeGrants } from '../../identity/grants/delegated-grants.ts';
import { grantsOf } from '../../identity/grants/grants-of.ts';
import type { UnitOfWork } from '../../identity/unit-of-work.ts';
import type { Model } from '../../policy/models.ts';
import { ownership } from '../../policy/ownership.ts';
import { policy } from '../../policy/policy.ts';
import { clearedProfile } from '../user/profile-fields.ts';

/** Columns that do not describe a person, or that erasing sets to a generated value. */
type Kept = 'id' | 'email' | 'emailKey' | 'enabled' | 'accessVersion' | 'createdAt' | 'updatedAt' | 'deletedAt' | 'eraseAt' | 'erasedAt';

/** The columns of an erased user. A new column of `User` belongs in `profileFields`, here, or in `Kept`: otherwise this does not compile. */
const erasedUser: Omit<User, Kept> = {
  ...clearedProfile,
  emailConfirmedAt: null,
  username: null,
  usernameKey: null,
  loginCount: 0,
  currentLoginAt: null,
  currentLoginFrom: null,
  lastLoginAt: null,
  lastLoginFrom: null,
};

/** The columns of the tokens of an erased user. The rows are kept as long as the revocation log refers to them. */
const erasedToken: Pick<Token, 'description' | 'createdFrom' | 'userAgent' | 'reuseFrom'> = {
  description: null,
  createdFrom: null,
  userAgent: null,
  reuseFrom: null,
};

/** Models in `ownership` whose rows are not simply deleted: grants are revoked together with those delegated from them, the others are records. */
const keptModels: readonly string[] = ['AuditEvent', 'RoleGrant', 'Token', 'TokenRevocation'];
/** Models of a user that the API does not expose and that `ownership` therefore does not list. */
const internalModels = ['EmailLink', 'OutboxEmail', 'Password', 'ReservedEmail'];

const maxErasedPerRun = 100; // the others follow in the next run

/** A mutation by an administrator, or the scheduled job, which has no viewer. */
type Eraser = Pick<MutationScope, 'tx'> & { readonly viewer: MutationScope['viewer'] | null };

/**
 * Erases all personal data of an account. The empty row is kept, so that references to its id stay valid (docs/decisions/0024). The address becomes
 * available again, and an account registered with it later inherits nothing. Returns false if the account was already erased.
 */
export async function eraseAccount(eraser: Eraser, work: UnitOfWork, id: string): Promise<boolean> {
  const { tx, viewer } = eraser;
  const { emailKey } = await tx.user.findUniqueOrThrow({ where: { id }, select: { emailKey: true } });
  // An id is not a valid email key, so it cannot collide with the address of another account.
  const placeholder = { email: `${id}@erased.invalid`, emailKey: id };
  const erased = { ...erasedUser, ...placeholder, erasedAt: await databaseTime(onTransaction(tx)) };
  const { count } = await tx.user.updateMany({ where: { id, erasedAt: null }, data: erased });
  if (count === 0) return false;
  await recordAuditEvent(tx, work.client, viewer, {
    action: 'user_deleted',
    reason: 'erased',
    userId: id,
    target: { type: 'User', id },
  });
  await revokeGrants(eraser, work, await grantsOf(tx, id));
  await tx.tokenSecret.deleteMany({ where: { token: { userId: id } } });
  await tx.token.updateMany({ where: { userId: id }, data: erasedToken });
  await tx.outboxEmail.deleteMany({ where: { emailKey } });
  await tx.invitation.deleteMany({ where: { emailKey } });
  await deleteOwnedRows(tx, id);
  return true;
}

async function deleteOwnedRows(tx: Tx, userId: string): Promise<void> {
  const owned = (Object.keys(ownership) as Model[]).filter(
    (model) => parentOf(policy.ownership, model)?.model === 'User' && !keptModels.includes(model),
  );
  for (const model of [...owned, ...internalModels])
    await tx.$executeRaw(sql`delete from ${Prisma.raw(`"${model}"`)} where "userId" = ${userId}::uuid`);
}

/** Erases the accounts that are due, each in a transaction, so that a failure does not affect the others. Returns the number of erased accounts. */
export async function eraseExpiredAccounts({ prisma, query }: Pick<Database, 'prisma' | 'query'>, work: UnitOfWork): Promise<number> {
  const due = await query<{ id: string }>(sql`
    select id::text from "User" where "eraseAt" <= now() and "erasedAt" is null order by "eraseAt" limit ${maxErasedPerRun}`);
  const failures: Error[] = [];
  let erased = 0;
  for (const { id } of due) {
    const done = prisma.$transaction((tx) => eraseIfDue(tx, work, id)).catch((error: Error) => void failures.push(error));
    if (await done) erased += 1;
  }
  if (failures[0]) throw failures[0];
  return erased;
}

/** The account may have been restored since it was selected. */
async function eraseIfDue(tx: Tx, work: UnitOfWork, id: string): Promise<boolean> {
  const due = await tx.$queryRaw<unknown[]>(sql`select 1 from "User" where id = ${id}::uuid and "eraseAt" <= now() for no key update`);
  return due.length > 0 && eraseAccount({ tx, viewer: null }, work, id);
}
