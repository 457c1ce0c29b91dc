import { type Database, sql, type Tx } from '../../database/database.ts';
import { Prisma, type Token, type User } from '../../database/generated/prisma/client.ts';
import type { MutationScope } from '../../graphql/mutation.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { revokeGrants } from '../../identity/grants/delegated-grants.ts';
import type { UnitOfWork } from '../../identity/unit-of-work.ts';
import { type Model, ownership, parentOf } from '../../policy/ownership.ts';
import { clearedProfile } from '../user/profile-fields.ts';

/** Columns that do not describe a person, or that erasing sets to something of its own. */
type Kept = 'id' | 'email' | 'emailKey' | 'enabled' | 'createdAt' | 'updatedAt' | 'deletedAt' | 'eraseAt' | 'erasedAt';

/** The columns of an erased user. A new column of `User` belongs in `profileFields`, here, or in `Kept`: otherwise this does not compile. */
const blankUser: Omit<User, Kept> = {
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

/** The same of the tokens, which stay as long as the log says that they have ended. */
const blankToken: Pick<Token, 'description' | 'createdFrom' | 'userAgent' | 'reuseFrom'> = {
  description: null,
  createdFrom: null,
  userAgent: null,
  reuseFrom: null,
};

/** Of what belongs to users, by `ownedBy`, what does not simply go: grants end with what was passed on from them, the others are records. */
const otherwise: readonly string[] = ['AuditEvent', 'RoleGrant', 'Token', 'TokenRevocation'];
/** What a user has that no rule is about. */
const neverShown = ['FormerEmail', 'Link', 'Mail', 'Password'];

/**
 * Erases what an account says of its owner; it stays as an empty row, so that whatever names its id still says the same (decision 24). Its address
 * is free, and who registers it inherits nothing. Answers whether there was something to erase.
 */
export async function anonymizeUser(writing: Eraser, work: UnitOfWork, id: string): Promise<boolean> {
  const { tx, viewer } = writing;
  const before = await tx.user.findUniqueOrThrow({ where: { id }, select: { emailKey: true } });
  // No address has the form of the key, so that nobody can have it already.
  const none = { email: `${id}@erased.invalid`, emailKey: id };
  const { count } = await tx.user.updateMany({ where: { id, erasedAt: null }, data: { ...blankUser, ...none, erasedAt: new Date() } });
  if (count === 0) return false;
  await recordAuditEvent(tx, work.client, viewer, { action: 'user_deleted', reason: 'erased', userId: id, target: ['User', id] });
  const grants = await tx.roleGrant.findMany({ where: { userId: id }, select: { id: true } });
  await revokeGrants(
    writing,
    work,
    grants.map((grant) => grant.id),
  );
  await tx.tokenSecret.deleteMany({ where: { token: { userId: id } } });
  await tx.token.updateMany({ where: { userId: id }, data: blankToken });
  await tx.mail.deleteMany({ where: { emailKey: before.emailKey } });
  await tx.invitation.deleteMany({ where: { emailKey: before.emailKey } });
  await deleteBelongings(tx, id);
  return true;
}

/** Who erases: an administrator in a write, or nobody, when the time has come. */
type Eraser = Pick<MutationScope, 'tx'> & { readonly viewer: MutationScope['viewer'] | null };

async function deleteBelongings(tx: Tx, userId: string): Promise<void> {
  const owned = (Object.keys(ownership) as Model[]).filter((model) => parentOf(model)?.model === 'User' && !otherwise.includes(model));
  for (const model of [...owned, ...neverShown])
    await tx.$executeRaw(sql`delete from ${Prisma.raw(`"${model}"`)} where "userId" = ${userId}::uuid`);
}

const most = 100; // in one run; the others in the next

/** Erases the accounts whose time has come, each by itself, so that one that cannot be keeps none of the others. Answers how many. */
export async function eraseExpiredAccounts({ prisma, query }: Pick<Database, 'prisma' | 'query'>, work: UnitOfWork): Promise<number> {
  const due = await query<{ id: string }>(sql`
    select id::text from "User" where "eraseAt" <= now() and "erasedAt" is null order by "eraseAt" limit ${most}`);
  const failures: Error[] = [];
  let erased = 0;
  for (const { id } of due) {
    const done = prisma.$transaction((tx) => eraseOne(tx, work, id)).catch((error: Error) => void failures.push(error));
    if (await done) erased += 1;
  }
  if (failures[0]) throw failures[0];
  return erased;
}

/** Not one that was restored meanwhile. */
async function eraseOne(tx: Tx, work: UnitOfWork, id: string): Promise<boolean> {
  const held = await tx.$queryRaw<unknown[]>(sql`select 1 from "User" where id = ${id}::uuid and "eraseAt" <= now() for update`);
  return held.length > 0 && anonymizeUser({ tx, viewer: null }, work, id);
}
