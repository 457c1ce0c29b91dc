import { all } from '../../authorization/rules/rule.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { requireCurrentPassword } from '../../identity/credentials/verify-password.ts';
import { secretText } from '../../lib/validators.ts';
import { anyone, fresh, session } from '../../policy/conditions.ts';
import { softDeleteAccount } from './archive-account.ts';

const DeleteAccountInput = builder.inputType('DeleteAccountInput', {
  description: 'The proof that it is the owner who deletes the account.',
  fields: (t) => ({ password: t.string({ required: true, validate: secretText, description: 'The password of the account.' }) }),
});

const DeleteAccountPayload = builder.simpleObject('DeleteAccountPayload', {
  description: 'What comes of deleting the own account.',
  access: anyone('it answers what the caller has just done'),
  fields: (t) => ({ ok: t.boolean({ nullable: false, description: 'True: the account is deleted, and the session has ended.' }) }),
});

builder.mutationField('deleteAccount', (t) =>
  t.field({
    type: DeleteAccountPayload,
    nullable: false,
    description:
      'Deletes the account of the viewer, with all sessions and API tokens. An administrator can restore it until it is erased, after DELETED_USER_RETENTION.',
    access: all(session, fresh),
    credential: true,
    args: { input: t.arg({ type: DeleteAccountInput, required: true, description: 'The proof.' }) },
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
  }),
);
