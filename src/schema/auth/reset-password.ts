import { onTransaction, sql } from '../../database/database.ts';
import { validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { markEmailConfirmed } from '../../identity/accounts/confirm-email.ts';
import { validateAccount } from '../../identity/accounts/create-account.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { consumeLink, findEmailLink, invalidateLinks, type UserLink } from '../../identity/credentials/email-link.ts';
import { hashPassword } from '../../identity/credentials/password-hash.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import { secretText } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { anyone } from '../../policy/conditions.ts';
import { linkFields } from './link-fields.ts';

builder.relayMutationField(
  'resetPassword',
  {
    description:
      'The proof that the letter was received, the token of its link or the address and the code beside it, and the new password.',
    inputFields: (t) => ({
      ...linkFields(t),
      newPassword: t.string({ required: true, validate: secretText, description: 'The new one: long, and not one of the common ones.' }),
    }),
  },
  {
    description: 'Sets a new password by a letter, and ends all sessions and API tokens of the account. Signs nobody in.',
    access: anyone('whoever has the letter has forgotten the password'),
    credential: true,
    resolve: async (_, { input }, context) => {
      const link = await findEmailLink(context, ['RESET_PASSWORD', 'FIRST_PASSWORD'], input);
      // A password that is refused leaves the link as it was.
      const { password: faults } = validateAccount(context.config, { email: link.address, password: input.newPassword });
      if (faults) throw validationError({ newPassword: faults });
      await reset(context, link, await hashPassword(input.newPassword));
      return { ok: true };
    },
  },
  { outputFields: (t) => ({ ok: t.exposeBoolean('ok', { nullable: false, description: 'True: the password is the new one.' }) }) },
);

/** The letter proves the address as well, and whatever was signed in before ends (security.md 11.5, 11.7). */
async function reset(context: Context, link: UserLink, hash: string): Promise<void> {
  const { db, client } = context;
  const { userId } = link;
  await db.prisma.$transaction(async (tx) => {
    await consumeLink(tx, link);
    await tx.password.upsert({ where: { userId }, create: { userId, hash }, update: { hash } });
    await markEmailConfirmed(tx, userId);
    await invalidateLinks(tx, userId);
    await recordAuditEvent(tx, client, null, { action: 'authn_password_change', reason: 'reset', userId, target: ['User', userId] });
    const ending = { reason: 'PASSWORD_RESET', initiator: 'USER', actor: null, work: context } as const;
    await revokeTokens(onTransaction(tx), sql`t."userId" = ${userId}::uuid`, ending);
    await enqueueEmail(tx, 'passwordChanged', { userId }, requestOrigin(client));
  });
}
