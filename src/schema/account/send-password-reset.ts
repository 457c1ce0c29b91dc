import { builder } from '../../graphql/builder.ts';
import { type MutationScope, runMutation } from '../../graphql/mutation.ts';
import { withinEmailLimits } from '../../identity/credentials/rate-limit.ts';
import { emailKeysOfRequester } from '../../identity/credentials/rate-limit-keys.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

builder.relayMutationField(
  'sendPasswordReset',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: User, description: 'ID of the user.' }) }) },
  {
    description: 'Emails a user a link to choose a new password. The link is never shown to the caller.',
    access: manageStatusRule,
    target: 'User',
    resolve: async (_, { input }, context, info) => {
      const { id } = input.id;
      // Only by caller, so that callers who are denied below cannot use up the emails of the user meanwhile.
      const limits = emailKeysOfRequester('sendPasswordReset', id, context.viewer?.user.id ?? '');
      const send = async ({ tx, lockTarget, audit }: MutationScope) => {
        await lockTarget(id);
        await audit({ action: 'user_email_requested', reason: 'passwordReset', userId: id, target: { type: 'User', id } });
        await enqueueEmail(tx, 'passwordReset', { userId: id }, { ...requestOrigin(context.client), byAdministrator: true });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }) };
      };
      return withinEmailLimits(context, limits, () => runMutation(context, info, send));
    },
  },
  { outputFields: (t) => ({ user: t.expose('user', { type: User, description: 'The recipient of the email.' }) }) },
);
