import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { consume, emailKeys } from '../../identity/credentials/rate-limit.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { anyone } from '../../policy/conditions.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

const SendPasswordResetInput = builder.inputType('SendPasswordResetInput', {
  description: 'Who is to choose a new password.',
  fields: (t) => ({ id: t.globalID({ required: true, for: User, description: 'The id of the user.' }) }),
});

const SendPasswordResetPayload = builder.simpleObject('SendPasswordResetPayload', {
  description: 'What comes of sending somebody the letter.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({ user: t.field({ type: User, description: 'The user.' }) }),
});

builder.mutationField('sendPasswordReset', (t) =>
  t.field({
    type: SendPasswordResetPayload,
    nullable: false,
    description: 'Mails a user the link by which a new password is chosen; nobody but the user ever sees it.',
    access: manageStatusRule,
    about: 'User',
    args: { input: t.arg({ type: SendPasswordResetInput, required: true, description: 'Who.' }) },
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
  }),
);
