import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { superadmin } from '../../policy/conditions.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';
import { softDeleteAccount } from './archive-account.ts';
import { anonymizeUser } from './erase-account.ts';

builder.relayMutationField(
  'deleteUser',
  {
    inputFields: (t) => ({
      id: t.globalID({ required: true, for: User, description: 'The id of the user.' }),
      erase: t.boolean({
        access: superadmin,
        description:
          'Whether everything that the account says of its owner is erased at once; then nothing restores it, and no letter tells of it.',
      }),
    }),
  },
  {
    description:
      'Deletes an account: its sessions and API tokens end at once, and nothing of it signs in. It can be restored until it is erased, after DELETED_USER_RETENTION.',
    access: manageStatusRule,
    target: 'User',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async (writing) => {
        const { tx, viewer, lockTarget } = writing;
        const { id } = input.id;
        await lockTarget(id);
        if (id === viewer.user.id) throw graphqlError('SELF_ACTION_FORBIDDEN');
        const archived = await softDeleteAccount(writing, context, id);
        const erased = input.erase === true && (await anonymizeUser(writing, context, id));
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }), changed: archived || erased };
      }),
  },
  {
    outputFields: (t) => ({
      user: t.expose('user', { type: User, description: 'The user, as far as there is something left.' }),
      changed: t.exposeBoolean('changed', {
        nullable: false,
        description: 'Whether anything changed: not if the account was deleted already.',
      }),
    }),
  },
);
