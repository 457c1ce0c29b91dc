import { type Database, onTransaction, sql, type Tx } from '../../database/database.ts';
import { codeOf, graphqlError } from '../../errors.ts';
import { recordAuditEvent } from '../audit/record-event.ts';
import type { PasswordProof } from '../password-proof.ts';
import type { RequestScope } from '../request-scope.ts';
import { forgetFailuresFrom } from './clear-failures.ts';
import { refund } from './count-attempt.ts';
import { verifyPassword } from './password-hash.ts';
import { consume, whileCounted } from './rate-limit.ts';
import { proofKeys } from './rate-limit-keys.ts';

/**
 * Verifies the password of a user for a caller who has already given another proof: a session of the user, or an email link. Then does the work that
 * the password allows, which has to check the proof in its transaction. Attempts are limited for each session or, with email links, for all links of
 * the user together: a caller who has a session can request any number of links. So guesses at `login` do not prevent this, nor the reverse. Success
 * forgets the failures from the network of the caller. Throws INVALID_CREDENTIALS, audited and counted as a failure, if the password is wrong or if
 * the work throws it.
 */
export async function withCurrentPassword<T>(
  scope: RequestScope,
  userId: string,
  proofId: string,
  password: string,
  work: (proof: PasswordProof) => Promise<T>,
): Promise<T> {
  const counted = await consume(scope, proofKeys(userId, proofId));
  const verify = async () => {
    const stored = await readPassword(scope.db, userId);
    const { valid } = await verifyPassword(stored?.hash, password, { flaskSalt: scope.config.FLASK_SECURITY_PASSWORD_SALT });
    return valid ? stored : undefined;
  };
  const stored = await whileCounted(scope, counted, verify);
  if (!stored) throw await recordFailure(scope, userId);
  const result = await work({ userId, ...stored }).catch(async (error: unknown) => {
    if (codeOf(error) === 'INVALID_CREDENTIALS') throw await recordFailure(scope, userId);
    await forgetFailures();
    throw error;
  });
  await forgetFailures();
  return result;

  async function forgetFailures() {
    await refund(scope.db, counted);
    await forgetFailuresFrom(scope.db, userId, scope.client.network);
  }
}

/** Throws INVALID_CREDENTIALS if the password was changed, or the sessions of the user revoked, since it was verified. The caller must have locked the user. */
export async function requireProof(tx: Tx, { userId, hash, accessVersion }: PasswordProof): Promise<void> {
  const current = await readPassword(onTransaction(tx), userId);
  if (current?.hash !== hash || current.accessVersion !== accessVersion) throw graphqlError('INVALID_CREDENTIALS');
}

/** The viewer, if authenticated with a session of that user; otherwise null. */
export const ownSessionOf = ({ viewer }: Pick<RequestScope, 'viewer'>, userId: string) =>
  viewer?.user.id === userId && viewer.token.kind === 'SESSION' ? viewer : null;

async function readPassword({ query }: Pick<Database, 'query'>, userId: string) {
  const [stored] = await query<Omit<PasswordProof, 'userId'>>(sql`
    select p.hash, u."accessVersion" from "User" u join "Password" p on p."userId" = u.id where u.id = ${userId}::uuid`);
  return stored;
}

/** Returns the error to throw. */
async function recordFailure({ db, client, viewer, reports }: RequestScope, userId: string) {
  const reason = 'INVALID_CREDENTIALS';
  reports.passwordRejected(client, userId);
  await recordAuditEvent(db.prisma, client, viewer, { action: 'authn_login_fail', result: 'denied', reason, userId });
  return graphqlError(reason);
}
