import { all } from '../access/rule.ts';
import { anyone, fresh, session } from '../access/vocabulary.ts';
import { write } from '../access/write.ts';
import { provePassword } from '../auth/proof.ts';
import { builder } from '../builder.ts';
import { failure } from '../errors.ts';
import { secretText } from '../input.ts';
import { archive } from './deletion.ts';

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
      if (!asking) throw failure('UNAUTHENTICATED');
      const hash = await provePassword(context, asking.user, input.password);
      return write(context, info, async (writing) => {
        const { id: userId } = writing.viewer.user;
        // Not by a password that was changed meanwhile.
        if ((await writing.tx.password.count({ where: { userId, hash } })) === 0) throw failure('INVALID_CREDENTIALS');
        await archive(writing, context, userId);
        return { ok: true };
      });
    },
  }),
);
