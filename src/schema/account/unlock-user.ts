import { onTransaction } from '../../database/database.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { clearFailures } from '../../identity/credentials/clear-failures.ts';
import { manageStatusRule } from '../user/access-rules.ts';
import { User } from '../user/user.ts';

builder.relayMutationField(
  'unlockUser',
  { inputFields: (t) => ({ id: t.globalID({ required: true, for: User, description: 'ID of the user.' }) }) },
  {
    description:
      'Forgets the failed password attempts of an account, so that its owner can log in without waiting. Sessions are unchanged.',
    access: manageStatusRule,
    target: 'User',
    resolve: (_, { input }, context, info) =>
      runMutation(context, info, async ({ tx, lockTarget, audit }) => {
        const { id } = input.id;
        await lockTarget(id);
        const changed = await clearFailures(onTransaction(tx), id);
        if (changed) await audit({ action: 'user_updated', reason: 'unlocked', userId: id, target: { type: 'User', id } });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }), changed };
      }),
  },
  {
    outputFields: (t) => ({
      user: t.expose('user', { type: User, description: 'The unlocked user.' }),
      changed: t.exposeBoolean('changed', { nullable: false, description: 'False if there were no failed attempts.' }),
    }),
  },
);
