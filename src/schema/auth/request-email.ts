import { validationError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { consume, emailKeys } from '../../identity/credentials/rate-limit.ts';
import { emailKey } from '../../lib/email-address.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';

/** The letters that anybody may ask for, by an address. */
type Wished = 'confirmation' | 'passwordReset' | 'usernameReminder';

/**
 * Takes down that whoever has the address is to be sent the letter. Does the same for every address, and asks nobody's account: whether there
 * is one shows when the letter is sent (security.md 3.1, 3.2). Throws INVALID_INPUT for what is no address, RATE_LIMITED.
 */
export async function requestEmail(context: Context, letter: Wished, email: string): Promise<{ ok: true }> {
  const { client, db, viewer } = context;
  const key = emailKey(email);
  if (key === undefined) throw validationError({ email: ['must be a valid email address'] });
  await consume(context, { mailByNetwork: client.network, ...emailKeys(letter, key) });
  await db.prisma.$transaction(async (tx) => {
    const owner = await tx.user.findUnique({ where: { emailKey: key }, select: { id: true } });
    await recordAuditEvent(tx, client, viewer, { action: 'user_letter_requested', reason: letter, userId: owner?.id ?? null });
    await enqueueEmail(tx, letter, { emailKey: key }, requestOrigin(client));
  });
  return { ok: true };
}
