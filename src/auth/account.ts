import { recordIn } from '../audit/record.ts';
import type { Config } from '../config.ts';
import type { Context } from '../context.ts';
import type { Database } from '../db.ts';
import { meaningOf } from '../errors.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import { post } from '../mail/post.ts';
import { emailKey } from './email.ts';
import { hashPassword, normalized } from './password.ts';
import { passwordFaults } from './password-policy.ts';

/** A new user with a password and a first role, held everywhere unless a domain is named. */
export interface Account {
  readonly email: string;
  readonly password: string;
  readonly role: string;
  readonly domain?: string | undefined;
  /** Further columns of the user. */
  readonly profile?: Partial<Omit<Prisma.UserCreateInput, 'email' | 'emailKey' | 'password' | 'grants'>>;
}

/** What is wrong with the address and the password of a new account, by field; empty when both may be used. */
export function accountFaults(config: Config, { email, password }: Pick<Account, 'email' | 'password'>): Record<string, string[]> {
  const faults = passwordFaults(normalized(password), { email, words: config.PASSWORD_WORDS, min: config.PASSWORD_MIN });
  const unknown = emailKey(email) === undefined;
  return { ...(unknown && { email: ['not an e-mail address that we take'] }), ...(faults.length > 0 && { password: faults }) };
}

/**
 * Makes an account without faults, in one transaction with its audit row. Answers the user's id; null when a unique key says that the
 * address or the username is taken.
 */
export async function createAccount(db: Database, by: Pick<Context, 'client' | 'viewer'>, account: Account): Promise<string | null> {
  const { email, password, profile } = account;
  const hash = await hashPassword(password);
  try {
    return await db.prisma.$transaction(async (tx) => {
      const { id: roleId } = await tx.role.findUniqueOrThrow({ where: { name: account.role } });
      const domain = account.domain ? await tx.domain.findUniqueOrThrow({ where: { name: account.domain } }) : null;
      const grants = { create: { roleId, domainId: domain?.id ?? null } };
      const data = { ...profile, email, emailKey: emailKey(email) ?? '', password: { create: { hash } }, grants };
      const { id } = await tx.user.create({ data });
      const details = { role: account.role, domain: domain?.name ?? null };
      await recordIn(tx, by.client, by.viewer, { action: 'user_created', userId: id, target: ['User', id], details });
      if (!profile?.emailConfirmedAt) await post(tx, 'confirmation', { userId: id }, {});
      return id;
    });
  } catch (error) {
    if (meaningOf(error) === 'TAKEN') return null;
    throw error;
  }
}
