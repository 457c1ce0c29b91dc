import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

builder.relayMutationField(
  'enableUser',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: User, description: 'ID of the user.' }) }) },
  {
    description: 'Enables a disabled account so that its owner can log in again.',
    access: manageStatusRule,
    target: 'User',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, viewer, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        if (id === viewer.user.id) throw graphqlError('SELF_ACTION_FORBIDDEN');
        const { count } = await tx.user.updateMany({ where: { id, enabled: false }, data: { enabled: true } });
        if (count > 0) await audit({ action: 'user_updated', reason: 'enabled', userId: id, target: { type: 'User', id } });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }), changed: count > 0 };
      }),
  },
  {
    outputFields: (t) => ({
      user: t.expose('user', { type: User, description: 'The enabled user.' }),
      changed: t.exposeBoolean('changed', {
        nullable: false,
        description: 'False if the account was already enabled.',
      }),
    }),
  },
);
