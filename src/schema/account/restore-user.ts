import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { requireNotErased } from '../../identity/accounts/not-erased.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

builder.relayMutationField(
  'restoreUser',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: User, description: 'ID of the user.' }) }) },
  {
    description:
      'Restores a deleted account; its sessions and API tokens stay revoked. Fails with INVALID_INPUT if the account has been erased.',
    access: manageStatusRule,
    target: 'User',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        await requireNotErased(tx, id, 'id');
        const { count } = await tx.user.updateMany({ where: { id, deletedAt: { not: null } }, data: { deletedAt: null, eraseAt: null } });
        if (count > 0) await audit({ action: 'user_updated', reason: 'restored', userId: id, target: { type: 'User', id } });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }), changed: count > 0 };
      }),
  },
  {
    outputFields: (t) => ({
      user: t.expose('user', { type: User, description: 'The restored user.' }),
      changed: t.exposeBoolean('changed', {
        nullable: false,
        description: 'False if the account was not deleted.',
      }),
    }),
  },
);
