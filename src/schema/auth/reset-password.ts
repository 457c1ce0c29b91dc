import { anyone } from '../../policy/conditions.ts';
import { recordIn } from '../../identity/audit/record-event.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { sql, within } from '../../database/database.ts';
import { invalid } from '../../errors.ts';
import { secretText } from '../../lib/validators.ts';
import { originOf, post } from '../../mail/outbox.ts';
import { revoke } from '../../identity/tokens/sessions.ts';
import { accountFaults } from '../../identity/accounts/create-account.ts';
import { findLink, linkFields, type UserLink, useLink, voidLinks } from '../../identity/credentials/email-link.ts';
import { hashPassword } from '../../identity/credentials/password-hash.ts';
import { markProven } from '../../identity/accounts/confirm-email.ts';

const ResetPasswordInput = builder.inputType('ResetPasswordInput', {
  description: 'The proof that the letter was received, the token of its link or the address and the code beside it, and the new password.',
  fields: (t) => ({
    ...linkFields(t),
    newPassword: t.string({ required: true, validate: secretText, description: 'The new one: long, and not one of the common ones.' }),
  }),
});

const ResetPasswordPayload = builder.simpleObject('ResetPasswordPayload', {
  description: 'What comes of choosing a new password. Nothing in it signs anybody in.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({ ok: t.boolean({ nullable: false, description: 'True: the password is the new one.' }) }),
});

builder.mutationField('resetPassword', (t) =>
  t.field({
    type: ResetPasswordPayload,
    nullable: false,
    description: 'Sets a new password by a letter, and ends all sessions and API tokens of the account. Signs nobody in.',
    access: anyone('whoever has the letter has forgotten the password'),
    credential: true,
    args: { input: t.arg({ type: ResetPasswordInput, required: true, description: 'The proof, and the password.' }) },
    resolve: async (_, { input }, context) => {
      const link = await findLink(context, ['RESET_PASSWORD', 'FIRST_PASSWORD'], input);
      // A password that is refused leaves the link as it was.
      const { password: faults } = accountFaults(context.config, { email: link.address, password: input.newPassword });
      if (faults) throw invalid({ newPassword: faults });
      await reset(context, link, await hashPassword(input.newPassword));
      return { ok: true };
    },
  }),
);

/** The letter proves the address as well, and whatever was signed in before ends (security.md 11.5, 11.7). */
async function reset({ db, client }: Context, link: UserLink, hash: string): Promise<void> {
  const { userId } = link;
  await db.prisma.$transaction(async (tx) => {
    await useLink(tx, link);
    await tx.password.upsert({ where: { userId }, create: { userId, hash }, update: { hash } });
    await markProven(tx, userId);
    await voidLinks(tx, userId);
    await recordIn(tx, client, null, { action: 'authn_password_change', reason: 'reset', userId, target: ['User', userId] });
    const ending = { reason: 'PASSWORD_RESET', initiator: 'USER', actor: null, client } as const;
    await revoke(within(tx), sql`t."userId" = ${userId}::uuid`, ending);
    await post(tx, 'passwordChanged', { userId }, originOf(client));
  });
}
