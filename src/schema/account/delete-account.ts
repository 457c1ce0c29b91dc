import { all } from '../../authorization/rules/rule.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { requireCurrentPassword } from '../../identity/credentials/verify-password.ts';
import { secretText } from '../../lib/validators.ts';
import { fresh, session } from '../../policy/conditions.ts';
import { softDeleteAccount } from './archive-account.ts';

builder.relayMutationField(
  'deleteAccount',
  { inputFields: (t) => ({ password: t.string({ required: true, validate: secretText, description: 'The password of the account.' }) }) },
  {
    description:
      'Deletes the account of the viewer, with all sessions and API tokens. An administrator can restore it until it is erased, after DELETED_USER_RETENTION.',
    access: all(session, fresh),
    credential: true,
    resolve: async (_, { input }, context, info) => {
      const { viewer: asking } = context;
      if (!asking) throw graphqlError('UNAUTHENTICATED');
      const hash = await requireCurrentPassword(context, asking.user, input.password);
      return runMutation(context, info, async (writing) => {
        const { id: userId } = writing.viewer.user;
        // Not by a password that was changed meanwhile.
        if ((await writing.tx.password.count({ where: { userId, hash } })) === 0) throw graphqlError('INVALID_CREDENTIALS');
        await softDeleteAccount(writing, context, userId);
        return { ok: true };
      });
    },
  },
  {
    outputFields: (t) => ({
      ok: t.exposeBoolean('ok', { nullable: false, description: 'True: the account is deleted, and the session has ended.' }),
    }),
  },
);
