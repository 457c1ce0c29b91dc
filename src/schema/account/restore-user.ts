import { anyone } from '../../policy/conditions.ts';
import { write } from '../../graphql/mutation.ts';
import { builder } from '../../graphql/builder.ts';
import { refuseErased } from '../../identity/accounts/not-erased.ts';
import { switchRule } from '../user/access-rules.ts';
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
    access: switchRule,
    about: 'User',
    args: { input: t.arg({ type: RestoreUserInput, required: true, description: 'Whose account.' }) },
    resolve: (_, { input }, context, info) =>
      write(context, info, async ({ tx, target, audit }) => {
        const { id } = input.id;
        await target(id);
        await refuseErased(tx, id, 'id');
        const { count } = await tx.user.updateMany({ where: { id, deletedAt: { not: null } }, data: { deletedAt: null, eraseAt: null } });
        if (count > 0) await audit({ action: 'user_updated', reason: 'restored', userId: id, target: ['User', id] });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }), changed: count > 0 };
      }),
  }),
);
