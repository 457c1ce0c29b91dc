import { unlessTaken } from '../../database/unless-taken.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { releaseFormerEmail } from '../../identity/accounts/reserved-email.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { consumeLink, findEmailLink, invalidateLinks, type UserLink } from '../../identity/credentials/email-link.ts';
import { revokeUserTokens } from '../../identity/tokens/sessions.ts';
import { singleLineText } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { anyone } from '../../policy/conditions.ts';

builder.relayMutationField(
  'undoEmailChange',
  {
    inputFields: (t) => ({
      token: t.string({
        required: true,
        validate: singleLineText(120),
        description: 'The token from the link in the email to the previous address.',
      }),
    }),
  },
  {
    description:
      'Restores the previous address of the account, revokes all sessions and API tokens and removes the password. An email to the restored address lets its owner choose a new password.',
    access: anyone('the emailed token is the credential'),
    credential: true,
    resolve: async (_, { input }, context) => {
      await undo(context, await findEmailLink(context, 'UNDO_EMAIL_CHANGE', input));
      return { ok: true };
    },
  },
  {
    outputFields: (t) => ({
      ok: t.exposeBoolean('ok', { nullable: false, description: 'Always true: the previous address is restored.' }),
    }),
  },
);

/** The person who changed the address had a session and may know the password, so neither may give access to the account again (security.md 11.6). */
async function undo(context: Context, link: UserLink): Promise<void> {
  const { db, client } = context;
  const { userId, emailKey } = link;
  await db.prisma.$transaction(async (tx) => {
    await consumeLink(tx, link);
    const email = await releaseFormerEmail(tx, userId, emailKey);
    if (email === undefined) throw graphqlError('INVALID_TOKEN');
    // Another account can have taken the address if its reservation ended after this transaction began.
    const restore = () => tx.user.update({ where: { id: userId }, data: { email, emailKey, emailConfirmedAt: null } });
    if (!(await unlessTaken(tx, restore))) throw graphqlError('INVALID_TOKEN');
    await markEmailConfirmed(tx, userId);
    await tx.password.deleteMany({ where: { userId } });
    await invalidateLinks(tx, userId);
    await recordAuditEvent(tx, client, null, {
      action: 'user_updated',
      reason: 'email change undone',
      userId,
      target: { type: 'User', id: userId },
    });
    const cause = { reason: 'EMAIL_CHANGED', initiator: 'USER', actor: null, work: context } as const;
    await revokeUserTokens(tx, userId, cause);
    await enqueueEmail(tx, 'passwordReset', { userId }, requestOrigin(client));
  });
}
