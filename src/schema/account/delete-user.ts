import type { Tx } from '../../database/database.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type MutationScope, runMutation } from '../../graphql/mutation.ts';
import { grantsOf } from '../../identity/grants/grants-of.ts';
import { superadmin } from '../../policy/conditions.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';
import { eraseAccount } from './erase-account.ts';
import { softDeleteAccount } from './soft-delete-account.ts';

builder.relayMutationField(
  'deleteUser',
  {
    inputFields: (t) => ({
      id: t.globalID({ required: true, for: User, description: 'ID of the user.' }),
      erase: t.boolean({
        access: superadmin,
        description: 'Erases all personal data immediately. The account can then not be restored and no email is sent. Defaults to false.',
      }),
    }),
  },
  {
    description:
      'Deletes the account and immediately revokes its sessions and API tokens. It can be restored until DELETED_USER_RETENTION has passed, when it is erased.',
    access: manageStatusRule,
    target: 'User',
    resolve: (_, { input }, context, info) => {
      const { id } = input.id;
      const lockAlso = async (tx: Tx) => ({ changedGrants: input.erase ? await grantsOf(tx, id) : [] });
      const remove = async (mutation: MutationScope) => {
        const { tx, viewer, lockTarget } = mutation;
        await lockTarget(id);
        if (id === viewer.user.id) throw graphqlError('SELF_ACTION_FORBIDDEN');
        const archived = await softDeleteAccount(mutation, context, id);
        const erased = input.erase === true && (await eraseAccount(mutation, context, id));
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }), changed: archived || erased };
      };
      return runMutation(context, info, remove, lockAlso);
    },
  },
  {
    outputFields: (t) => ({
      user: t.expose('user', { type: User, description: 'The deleted user, or null if the caller can no longer see it.' }),
      changed: t.exposeBoolean('changed', {
        nullable: false,
        description: 'False if the account was already deleted.',
      }),
    }),
  },
);
