import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { requireNotErased } from '../../identity/accounts/not-erased.ts';
import { anyone } from '../../policy/conditions.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

const RestoreUserInput = builder.inputType('RestoreUserInput', {
  description: 'Whose account is restored.',
  fields: (t) => ({ id: t.globalID({ required: true, for: User, description: 'The id of the user.' }) }),
});

const RestoreUserPayload = builder.simpleObject('RestoreUserPayload', {
  description: 'What comes of restoring an account.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({
    user: t.field({ type: User, description: 'The user.' }),
    changed: t.boolean({ nullable: false, description: 'Whether anything changed: not if the account was not deleted.' }),
  }),
});

builder.mutationField('restoreUser', (t) =>
  t.field({
    type: RestoreUserPayload,
    nullable: false,
    description:
      'Brings a deleted account back as it was, disabled if it was; its sessions and API tokens have ended. What was erased does not come back: INVALID_INPUT.',
    access: manageStatusRule,
    about: 'User',
    args: { input: t.arg({ type: RestoreUserInput, required: true, description: 'Whose account.' }) },
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        await requireNotErased(tx, id, 'id');
        const { count } = await tx.user.updateMany({ where: { id, deletedAt: { not: null } }, data: { deletedAt: null, eraseAt: null } });
        if (count > 0) await audit({ action: 'user_updated', reason: 'restored', userId: id, target: ['User', id] });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }), changed: count > 0 };
      }),
  }),
);
