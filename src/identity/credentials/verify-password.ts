import type { User } from '../../database/generated/prisma/client.ts';
import { graphqlError } from '../../errors.ts';
import { recordAuditEvent } from '../audit/record-event.ts';
import type { RequestScope } from '../request-scope.ts';
import { verifyPassword } from './password-hash.ts';
import { consume, passwordKeys, refund } from './rate-limit.ts';

/** Verifies the password of a known user, rate-limited like a login. Returns its hash. Throws INVALID_CREDENTIALS if it is wrong. */
export async function requireCurrentPassword(
  scope: RequestScope,
  { id: userId, emailKey }: Pick<User, 'id' | 'emailKey'>,
  password: string,
): Promise<string> {
  const { db, client, viewer } = scope;
  const keys = passwordKeys(emailKey, client.network);
  await consume(scope, keys);
  const stored = await db.prisma.password.findUnique({ where: { userId } });
  const { valid } = await verifyPassword(stored?.hash, password);
  if (!stored || !valid) {
    await recordAuditEvent(db.prisma, client, viewer, {
      action: 'authn_login_fail',
      result: 'denied',
      reason: 'INVALID_CREDENTIALS',
      userId,
    });
    throw graphqlError('INVALID_CREDENTIALS');
  }
  await refund(scope, keys);
  return stored.hash;
}

/** The viewer, if authenticated with a session of that user; otherwise null. */
export const ownSessionOf = ({ viewer }: Pick<RequestScope, 'viewer'>, userId: string) =>
  viewer?.user.id === userId && viewer.token.kind === 'SESSION' ? viewer : null;
