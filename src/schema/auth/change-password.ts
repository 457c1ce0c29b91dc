import { all } from '../../authorization/rules/rule.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { validateAccount } from '../../identity/accounts/create-account.ts';
import { invalidateLinks } from '../../identity/credentials/email-link.ts';
import { hashPassword } from '../../identity/credentials/password-hash.ts';
import { requireProof, withCurrentPassword } from '../../identity/credentials/verify-password.ts';
import { revokeUserTokens } from '../../identity/tokens/sessions.ts';
import { secretText } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { fresh, session } from '../../policy/conditions.ts';

builder.relayMutationField(
  'changePassword',
  {
    inputFields: (t) => ({
      currentPassword: t.string({ required: true, validate: secretText, description: 'The current password.' }),
      newPassword: t.string({
        required: true,
        validate: secretText,
        description: 'The new password. Short and common passwords are rejected.',
      }),
    }),
  },
  {
    description: 'Changes the password of the viewer and revokes their other sessions. API tokens are unchanged.',
    access: all(session, fresh),
    workload: 'authentication',
    credential: true,
    resolve: async (_, { input: { currentPassword, newPassword } }, context, info) => {
      const { viewer: caller, client, config } = context;
      if (!caller) throw graphqlError('UNAUTHENTICATED');
      return withCurrentPassword(context, caller.user.id, caller.token.id, currentPassword, async (proof) => {
        const { password: faults } = validateAccount(config, { ...caller.user, password: newPassword });
        if (faults) throw validationError({ newPassword: faults });
        const hash = await hashPassword(newPassword);
        return runMutation(context, info, async ({ tx, viewer, audit }) => {
          const { id: userId } = viewer.user;
          await requireProof(tx, proof);
          await tx.password.update({ where: { userId }, data: { hash } });
          await audit({ action: 'authn_password_change', userId, target: { type: 'User', id: userId } });
          await invalidateLinks(tx, userId);
          await enqueueEmail(tx, 'passwordChanged', { userId }, requestOrigin(client));
          const cause = { reason: 'PASSWORD_CHANGED', initiator: 'USER', actor: viewer, work: context } as const;
          const ended = await revokeUserTokens(tx, userId, cause, { kind: 'SESSION', exceptId: viewer.token.id });
          return { ended: ended.length };
        });
      });
    },
  },
  {
    outputFields: (t) => ({
      ended: t.exposeInt('ended', { nullable: false, description: 'The number of other sessions that were revoked.' }),
    }),
  },
);
