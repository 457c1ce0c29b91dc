import { recordIn } from '../../identity/audit/record-event.ts';
import type { Context } from '../../graphql/context.ts';
import { invalid } from '../../errors.ts';
import { originOf, post } from '../../mail/outbox.ts';
import { emailKey } from '../../lib/email-address.ts';
import { letterTries, throttle } from '../../identity/credentials/rate-limit.ts';

/** The letters that anybody may ask for, by an address. */
type Wished = 'confirmation' | 'passwordReset' | 'usernameReminder';

/**
 * Takes down that whoever has the address is to be sent the letter. Does the same for every address, and asks nobody's account: whether there
 * is one shows when the letter is sent (security.md 3.1, 3.2). Throws INVALID_INPUT for what is no address, RATE_LIMITED.
 */
export async function askForLetter(context: Context, letter: Wished, email: string): Promise<{ ok: true }> {
  const { client, db, viewer } = context;
  const key = emailKey(email);
  if (key === undefined) throw invalid({ email: ['not an e-mail address that we take'] });
  await throttle(context, { mailByNetwork: client.network, ...letterTries(letter, key) });
  await db.prisma.$transaction(async (tx) => {
    const owner = await tx.user.findUnique({ where: { emailKey: key }, select: { id: true } });
    await recordIn(tx, client, viewer, { action: 'user_letter_requested', reason: letter, userId: owner?.id ?? null });
    await post(tx, letter, { emailKey: key }, originOf(client));
  });
  return { ok: true };
}
