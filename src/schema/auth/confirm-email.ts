import { onTransaction, sql } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { consumeLink, findEmailLink, invalidateLinks, type UserLink } from '../../identity/credentials/email-link.ts';
import { ownSessionOf, requireCurrentPassword } from '../../identity/credentials/verify-password.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import { secretText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { linkFields } from './link-fields.ts';

builder.relayMutationField(
  'confirmEmail',
  {
    description: 'The proof that the address was reached: the token of the link, or the address and the code beside it.',
    inputFields: (t) => ({
      ...linkFields(t),
      password: t.string({
        validate: secretText,
        description:
          'The password of the account: shows that who confirms is who registered. Without it, and without a session of the account, the password is removed.',
      }),
    }),
  },
  {
    description: 'Proves an e-mail address by what was mailed to it. Signs nobody in.',
    access: anyone('whoever has the letter may prove it'),
    credential: true,
    resolve: async (_, { input }, context) => {
      const link = await findEmailLink(context, 'CONFIRM_EMAIL', input);
      const passwordKept = await isRegistrant(context, link, input.password);
      await confirm(context, link, passwordKept);
      return { passwordKept };
    },
  },
  {
    outputFields: (t) => ({
      passwordKept: t.exposeBoolean('passwordKept', {
        nullable: false,
        description:
          'Whether the account still has the password that it was registered with; if not, a new one is chosen by resetPassword.',
      }),
    }),
  },
);

/** Whether who shows the link is also who made the account: by its password, or by a session of it. Throws INVALID_CREDENTIALS for a wrong password; the link stays. */
async function isRegistrant(context: Context, { userId, addressKey }: UserLink, password: string | null | undefined): Promise<boolean> {
  if (password != null) await requireCurrentPassword(context, { id: userId, emailKey: addressKey }, password);
  return password != null || ownSessionOf(context, userId) !== null;
}

/** What was set up by somebody who has not proven the address goes, unless the prover is the same (security.md 11.7). */
async function confirm(context: Context, link: UserLink, isSame: boolean): Promise<void> {
  const { db, client, viewer } = context;
  const { userId } = link;
  await db.prisma.$transaction(async (tx) => {
    await consumeLink(tx, link);
    await markEmailConfirmed(tx, userId);
    await recordAuditEvent(tx, client, viewer, { action: 'user_updated', reason: 'email confirmed', userId, target: ['User', userId] });
    if (isSame) return;
    await tx.password.deleteMany({ where: { userId } });
    await invalidateLinks(tx, userId);
    const ending = { reason: 'EMAIL_CONFIRMED', initiator: 'SYSTEM', actor: null, work: context } as const;
    await revokeTokens(onTransaction(tx), sql`t."userId" = ${userId}::uuid`, ending);
  });
}
