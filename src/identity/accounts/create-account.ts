import type { Config } from '../../config.ts';
import type { Database, Tx } from '../../database/database.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import { emailKey } from '../../lib/email-address.ts';
import { enqueueEmail } from '../../mail/outbox.ts';
import { recordAuditEvent } from '../audit/record-event.ts';
import { hashPassword, normalizePassword } from '../credentials/password-hash.ts';
import { validatePassword } from '../credentials/password-policy.ts';
import type { RequestScope } from '../request-scope.ts';
import { isReserved } from './reserved-email.ts';

/** A new user with a first role, held everywhere unless a domain is named. */
export interface NewAccount {
  readonly email: string;
  /** Without it the owner of the address is asked, by a letter, to choose one. */
  readonly password?: string;
  readonly role: string;
  readonly domain?: string | undefined;
  /** Further columns of the user. */
  readonly profile?: Partial<Omit<Prisma.UserCreateManyInput, 'id' | 'email' | 'emailKey'>>;
  /** Who answers for the role; nobody unless said. */
  readonly grantedById?: string;
}

/** What is wrong with the address and the password of a new account, by field; empty when both may be used. */
export function validateAccount(
  config: Config,
  { email, password }: Pick<Required<NewAccount>, 'email' | 'password'>,
): Record<string, string[]> {
  const faults = validatePassword(normalizePassword(password), { email, words: config.PASSWORD_WORDS, min: config.PASSWORD_MIN });
  const unknown = emailKey(email) === undefined;
  return { ...(unknown && { email: ['must be a valid email address'] }), ...(faults.length > 0 && { password: faults }) };
}

/**
 * Makes an account without faults, in one transaction with its audit row. Answers the user's id; null when a unique key says that the
 * address or the username is taken.
 */
export async function createAccount(
  db: Database,
  by: Pick<RequestScope, 'client' | 'viewer'>,
  account: NewAccount,
): Promise<string | null> {
  const hash = await passwordHash(account);
  return db.prisma.$transaction((tx) => insertAccount(tx, by, account, hash));
}

/** What the database keeps of the password, if there is one: made before a transaction begins, for it takes long. */
export const passwordHash = ({ password }: Pick<NewAccount, 'password'>) => (password === undefined ? undefined : hashPassword(password));

/** The same as `createAccount`, in a transaction that does more. */
export async function insertAccount(
  tx: Tx,
  by: Pick<RequestScope, 'client' | 'viewer'>,
  account: NewAccount,
  hash?: string,
): Promise<string | null> {
  const { email, profile, grantedById = null } = account;
  const key = emailKey(email) ?? '';
  // The database refuses it as well, but then undoes all of the transaction.
  if (await isReserved(tx, key)) return null;
  const data = { ...profile, email, emailKey: key };
  const [user] = await tx.user.createManyAndReturn({ data, skipDuplicates: true, select: { id: true } });
  if (!user) return null;
  const { id: userId } = user;
  const { id: roleId } = await tx.role.findUniqueOrThrow({ where: { name: account.role } });
  const domain = account.domain ? await tx.domain.findUniqueOrThrow({ where: { name: account.domain } }) : null;
  await tx.roleGrant.create({ data: { userId, roleId, domainId: domain?.id ?? null, grantedById } });
  if (hash) await tx.password.create({ data: { userId, hash } });
  const details = { role: account.role, domain: domain?.name ?? null };
  await recordAuditEvent(tx, by.client, by.viewer, { action: 'user_created', userId, target: { type: 'User', id: userId }, details });
  if (!profile?.emailConfirmedAt) await enqueueEmail(tx, hash ? 'confirmation' : 'welcome', { userId }, {});
  return userId;
}
