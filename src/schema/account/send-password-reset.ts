import { anyone } from '../../policy/conditions.ts';
import { write } from '../../graphql/mutation.ts';
import { builder } from '../../graphql/builder.ts';
import { originOf, post } from '../../mail/outbox.ts';
import { switchRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';
import { letterTries, throttle } from '../../identity/credentials/rate-limit.ts';

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
    access: switchRule,
    about: 'User',
    args: { input: t.arg({ type: SendPasswordResetInput, required: true, description: 'Who.' }) },
    resolve: async (_, { input }, context, info) => {
      const { id } = input.id;
      // By who asks as well: whoever may not, and is told so later, uses up nobody's letters but their own.
      await throttle(context, letterTries('sendPasswordReset', `${context.viewer?.user.id} ${id}`));
      return write(context, info, async ({ tx, target, audit }) => {
        await target(id);
        await audit({ action: 'user_letter_requested', reason: 'passwordReset', userId: id, target: ['User', id] });
        await post(tx, 'passwordReset', { userId: id }, { ...originOf(context.client), byAdministrator: true });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }) };
      });
    },
  }),
);
