import type { Tx } from '../../database/database.ts';
import { validationError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { withinEmailLimits } from '../../identity/credentials/rate-limit.ts';
import { emailKeys } from '../../identity/credentials/rate-limit-keys.ts';
import { emailKey } from '../../lib/email-address.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';

/** The emails that can be requested without authentication. */
type RequestableEmail = 'emailConfirmation' | 'passwordReset' | 'usernameReminder';

/**
 * Queues an email to an address. Does the same work for every address: whether it has an account is checked when the email is sent
 * (security.md 3.1, 3.2). Throws INVALID_INPUT for an invalid address, and RATE_LIMITED.
 */
export async function requestEmail(context: Context, template: RequestableEmail, email: string): Promise<{ ok: true }> {
  const { client, db, viewer } = context;
  const key = emailKey(email);
  if (key === undefined) throw validationError({ email: ['must be a valid email address'] });
  const attempt = { emailByNetwork: client.network, ...emailKeys(template, key, client.network) };
  const request = async (tx: Tx) => {
    const owner = await tx.user.findUnique({ where: { emailKey: key }, select: { id: true } });
    await recordAuditEvent(tx, client, viewer, { action: 'user_email_requested', reason: template, userId: owner?.id ?? null });
    await enqueueEmail(tx, template, { emailKey: key }, requestOrigin(client));
  };
  await withinEmailLimits(context, attempt, () => db.prisma.$transaction(request));
  return { ok: true };
}
