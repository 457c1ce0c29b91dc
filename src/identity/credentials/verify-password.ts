import type { User } from '../../database/generated/prisma/client.ts';
import { graphqlError } from '../../errors.ts';
import { recordAuditEvent } from '../audit/record-event.ts';
import type { RequestScope } from '../request-scope.ts';
import { verifyPassword } from './password-hash.ts';
import { consume, passwordKeys, refund } from './rate-limit.ts';

/** Checks the password of a user who is known already, counted as a login is. Answers its hash; throws INVALID_CREDENTIALS where it is another one. */
export async function requireCurrentPassword(
  context: RequestScope,
  user: Pick<User, 'id' | 'emailKey'>,
  password: string,
): Promise<string> {
  const { db, client, viewer } = context;
  const { id: userId, emailKey } = user;
  const tries = passwordKeys(emailKey, client.network);
  await consume(context, tries);
  const kept = await db.prisma.password.findUnique({ where: { userId } });
  const { right } = await verifyPassword(kept?.hash, password);
  if (!kept || !right) {
    await recordAuditEvent(db.prisma, client, viewer, {
      action: 'authn_login_fail',
      result: 'denied',
      reason: 'INVALID_CREDENTIALS',
      userId,
    });
    throw graphqlError('INVALID_CREDENTIALS');
  }
  await refund(context, tries);
  return kept.hash;
}

/** The viewer, if they came with a session of that user. */
export const ownSessionOf = ({ viewer }: Pick<RequestScope, 'viewer'>, userId: string) =>
  viewer?.user.id === userId && viewer.token.kind === 'SESSION' ? viewer : null;
