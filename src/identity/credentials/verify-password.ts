import { graphqlError } from '../../errors.ts';
import { recordAuditEvent } from '../audit/record-event.ts';
import type { RequestScope } from '../request-scope.ts';
import { verifyPassword } from './password-hash.ts';
import { clearFailures, consume, proofKeys } from './rate-limit.ts';

/**
 * Verifies the password of a user for a caller who has already given another proof: a session of the user, or an email link. Attempts are limited for
 * each proof, so that guesses at `login` do not prevent this, nor the reverse. Success forgets the failures of the account. Returns the hash. Throws
 * INVALID_CREDENTIALS if the password is wrong.
 */
export async function requireCurrentPassword(scope: RequestScope, userId: string, proofId: string, password: string): Promise<string> {
  const { db, client, viewer } = scope;
  await consume(scope, proofKeys(userId, proofId));
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
  await clearFailures(db, userId);
  return stored.hash;
}

/** The viewer, if authenticated with a session of that user; otherwise null. */
export const ownSessionOf = ({ viewer }: Pick<RequestScope, 'viewer'>, userId: string) =>
  viewer?.user.id === userId && viewer.token.kind === 'SESSION' ? viewer : null;
