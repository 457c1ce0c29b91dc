import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { consume, emailKeys } from '../../identity/credentials/rate-limit.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

builder.relayMutationField(
  'sendPasswordReset',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: User, description: 'The id of the user.' }) }) },
  {
    description: 'Mails a user the link by which a new password is chosen; nobody but the user ever sees it.',
    access: manageStatusRule,
    target: 'User',
    resolve: async (_, { input }, context, info) => {
      const { id } = input.id;
      // By who asks as well: whoever may not, and is told so later, uses up nobody's letters but their own.
      await consume(context, emailKeys('sendPasswordReset', `${context.viewer?.user.id} ${id}`));
      return runMutation(context, info, async ({ tx, lockTarget, audit }) => {
        await lockTarget(id);
        await audit({ action: 'user_letter_requested', reason: 'passwordReset', userId: id, target: ['User', id] });
        await enqueueEmail(tx, 'passwordReset', { userId: id }, { ...requestOrigin(context.client), byAdministrator: true });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }) };
      });
    },
  },
  { outputFields: (t) => ({ user: t.expose('user', { type: User, description: 'The user.' }) }) },
);
