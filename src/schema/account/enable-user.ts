import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

builder.relayMutationField(
  'enableUser',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: User, description: 'The id of the user.' }) }) },
  {
    description: 'Lets a disabled account sign in again.',
    access: manageStatusRule,
    target: 'User',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        if (id === viewer.user.id) throw graphqlError('SELF_ACTION_FORBIDDEN');
        const { count } = await tx.user.updateMany({ where: { id, enabled: false }, data: { enabled: true } });
        if (count > 0) await audit({ action: 'user_updated', reason: 'enabled', userId: id, target: ['User', id] });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }), changed: count > 0 };
      }),
  },
  {
    outputFields: (t) => ({
      user: t.expose('user', { type: User, description: 'The user.' }),
      changed: t.exposeBoolean('changed', {
        nullable: false,
        description: 'Whether anything changed: not if the account was enabled already.',
      }),
    }),
  },
);
