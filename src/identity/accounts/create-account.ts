import { domainToUnicode } from 'node:url';
import type { Config } from '../../config.ts';
import type { Database, Tx } from '../../database/database.ts';
import type { Prisma } from '../../database/generated/prisma/client.ts';
import { unlessTaken } from '../../database/unless-taken.ts';
import { emailKey, storedEmail } from '../../lib/email-address.ts';
import { enqueueEmail } from '../../mail/outbox.ts';
import { recordAuditEvent } from '../audit/record-event.ts';
import { wordsIn } from '../credentials/known-words.ts';
import { hashPassword, normalizePassword } from '../credentials/password-hash.ts';
import { validatePassword } from '../credentials/password-policy.ts';
import type { RequestScope } from '../request-scope.ts';

/** A new user with a first role. */
export interface NewAccount {
  readonly email: string;
  /** If omitted, an email asks the user to choose one. */
  readonly password?: string;
  readonly role: string;
  /** The domain of the role; everywhere if omitted. */
  readonly domain?: string | undefined;
  /** Further columns of the user. */
  readonly profile?: Partial<Omit<Prisma.UserCreateManyInput, 'id' | 'email' | 'emailKey'>>;
  /** The user who grants the role, if any. */
  readonly grantedById?: string;
}

type Actor = Pick<RequestScope, 'client' | 'viewer'>;

/** The values of an account that a password is compared with. */
interface PasswordOwner {
  readonly email: string;
  readonly username?: string | null | undefined;
  readonly displayName?: string | null | undefined;
  readonly firstName?: string | null | undefined;
  readonly lastName?: string | null | undefined;
}

/** The faults of the email address and the password of an account, by field. Empty if both are acceptable. */
export function validateAccount(config: Config, account: PasswordOwner & { readonly password: string }): Record<string, string[]> {
  const { email, password, username, displayName, firstName, lastName } = account;
  const isInvalid = emailKey(email) === undefined;
  const names = [username, displayName, firstName, lastName].filter((name) => name != null);
  const host = new URL(config.PUBLIC_URL).hostname;
  const words = [...config.PASSWORD_WORDS, ...[host, domainToUnicode(host)].flatMap(wordsIn)];
  const faults = validatePassword(normalizePassword(password), { email, names, words, min: config.PASSWORD_MIN });
  return { ...(isInvalid && { email: ['must be a valid email address'] }), ...(faults.length > 0 && { password: faults }) };
}

/**
 * Creates a validated account in one transaction with its audit event. Returns the id of the user, or null if the email address or the username is
 * taken.
 */
export async function createAccount(db: Database, actor: Actor, account: NewAccount): Promise<string | null> {
  const hash = await passwordHash(account);
  return db.prisma.$transaction((tx) => insertAccount(tx, actor, account, hash));
}

/** Hashes the password, if there is one. Called before a transaction starts: hashing is slow. */
export const passwordHash = ({ password }: Pick<NewAccount, 'password'>) => (password === undefined ? undefined : hashPassword(password));

/** Like `createAccount`, as part of a larger transaction. */
export async function insertAccount(tx: Tx, actor: Actor, account: NewAccount, hash?: string): Promise<string | null> {
  const { email, profile, grantedById = null } = account;
  const key = emailKey(email) ?? '';
  const data = { ...profile, email: storedEmail(email), emailKey: key };
  // `skipDuplicates` skips what a unique key rejects. A trigger rejects an address that is reserved, perhaps since the statement began.
  const inserted = await unlessTaken(tx, () => tx.user.createManyAndReturn({ data, skipDuplicates: true, select: { id: true } }));
  const user = inserted?.[0];
  if (!user) return null;
  const { id: userId } = user;
  const { id: roleId } = await tx.role.findUniqueOrThrow({ where: { name: account.role } });
  const domain = account.domain ? await tx.domain.findUniqueOrThrow({ where: { name: account.domain } }) : null;
  await tx.roleGrant.create({ data: { userId, roleId, domainId: domain?.id ?? null, grantedById } });
  if (hash) await tx.password.create({ data: { userId, hash } });
  const details = { role: account.role, domain: domain?.name ?? null };
  await recordAuditEvent(tx, actor.client, actor.viewer, { action: 'user_created', userId, target: { type: 'User', id: userId }, details });
  if (!profile?.emailConfirmedAt) await enqueueEmail(tx, hash ? 'emailConfirmation' : 'welcome', { userId }, {});
  return userId;
}
