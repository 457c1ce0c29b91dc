import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { anyone } from '../../policy/conditions.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

const EnableUserInput = builder.inputType('EnableUserInput', {
  description: 'Whose account is enabled.',
  fields: (t) => ({ id: t.globalID({ required: true, for: User, description: 'The id of the user.' }) }),
});

const EnableUserPayload = builder.simpleObject('EnableUserPayload', {
  description: 'What comes of enabling an account.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({
    user: t.field({ type: User, description: 'The user.' }),
    changed: t.boolean({ nullable: false, description: 'Whether anything changed: not if the account was enabled already.' }),
  }),
});

builder.mutationField('enableUser', (t) =>
  t.field({
    type: EnableUserPayload,
    nullable: false,
    description: 'Lets a disabled account sign in again.',
    access: manageStatusRule,
    about: 'User',
    args: { input: t.arg({ type: EnableUserInput, required: true, description: 'Whose account.' }) },
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        if (id === viewer.user.id) throw graphqlError('SELF_ACTION_FORBIDDEN');
        const { count } = await tx.user.updateMany({ where: { id, enabled: false }, data: { enabled: true } });
        if (count > 0) await audit({ action: 'user_updated', reason: 'enabled', userId: id, target: ['User', id] });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }), changed: count > 0 };
      }),
  }),
);
