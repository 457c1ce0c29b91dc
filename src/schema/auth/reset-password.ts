import { onTransaction } from '../../database/database.ts';
import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { validateAccount } from '../../identity/accounts/create-account.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { forgetFailuresFrom } from '../../identity/credentials/clear-failures.ts';
import { consumeLink, findEmailLink, invalidateLinks, type UserLink } from '../../identity/credentials/email-link.ts';
import { rememberNetwork } from '../../identity/credentials/known-network.ts';
import { hashPassword } from '../../identity/credentials/password-hash.ts';
import { revokeUserTokens } from '../../identity/tokens/sessions.ts';
import { secretText } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { anyone } from '../../policy/conditions.ts';
import { linkFields } from './link-fields.ts';

builder.relayMutationField(
  'resetPassword',
  {
    description: 'Either `token`, or `email` and `code`, and the new password.',
    inputFields: (t) => ({
      ...linkFields(t),
      newPassword: t.string({
        required: true,
        validate: secretText,
        description: 'The new password. Short and common passwords are rejected.',
      }),
    }),
  },
  {
    description:
      'Sets a new password with the token or code sent by email and revokes all sessions and API tokens of the account. Does not create a session.',
    access: anyone('the emailed token or code is the credential'),
    workload: 'authentication',
    credential: true,
    resolve: async (_, { input }, context) => {
      const link = await findEmailLink(context, ['RESET_PASSWORD', 'FIRST_PASSWORD'], input);
      // Checked first, so that a rejected password does not use up the link.
      const user = await context.db.prisma.user.findUnique({ where: { id: link.userId } });
      const { password: faults } = validateAccount(context.config, { ...user, email: link.email, password: input.newPassword });
      if (faults) throw validationError({ newPassword: faults });
      await reset(context, link, await hashPassword(input.newPassword));
      return { ok: true };
    },
  },
  { outputFields: (t) => ({ ok: t.exposeBoolean('ok', { nullable: false, description: 'Always true: the password is changed.' }) }) },
);

/** Receiving the email also confirms the address. All earlier sessions and API tokens are revoked (security.md 11.5, 11.7). */
async function reset(context: Context, link: UserLink, hash: string): Promise<void> {
  const { db, client } = context;
  const { userId } = link;
  await db.prisma.$transaction(async (tx) => {
    await consumeLink(tx, link);
    // The owner can log in from here although others are guessing the password (security.md 4.5).
    await rememberNetwork(tx, link.id, client.network);
    await forgetFailuresFrom(onTransaction(tx), userId, client.network);
    await tx.password.upsert({ where: { userId }, create: { userId, hash }, update: { hash } });
    await markEmailConfirmed(tx, userId);
    await invalidateLinks(tx, userId);
    await recordAuditEvent(tx, client, null, {
      action: 'authn_password_change',
      reason: 'reset',
      userId,
      target: { type: 'User', id: userId },
    });
    const cause = { reason: 'PASSWORD_RESET', initiator: 'USER', actor: null, work: context } as const;
    await revokeUserTokens(tx, userId, cause);
    await enqueueEmail(tx, 'passwordChanged', { userId }, requestOrigin(client));
  });
}
