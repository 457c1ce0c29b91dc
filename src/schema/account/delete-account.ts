import { all } from '../../authorization/rules/rule.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { requireProof, withCurrentPassword } from '../../identity/credentials/verify-password.ts';
import { secretText } from '../../lib/validators.ts';
import { fresh, session } from '../../policy/conditions.ts';
import { softDeleteAccount } from './soft-delete-account.ts';

builder.relayMutationField(
  'deleteAccount',
  { inputFields: (t) => ({ password: t.string({ required: true, validate: secretText, description: 'The current password.' }) }) },
  {
    description:
      'Deletes the account of the viewer and revokes all its sessions and API tokens. An administrator can restore it until DELETED_USER_RETENTION has passed, when it is erased.',
    access: all(session, fresh),
    credential: true,
    resolve: async (_, { input }, context, info) => {
      const { viewer: caller } = context;
      if (!caller) throw graphqlError('UNAUTHENTICATED');
      return withCurrentPassword(context, caller.user.id, caller.token.id, input.password, (proof) =>
        runMutation(context, info, async (mutation) => {
          await requireProof(mutation.tx, proof);
          await softDeleteAccount(mutation, context, mutation.viewer.user.id);
          return { ok: true };
        }),
      );
    },
  },
  {
    outputFields: (t) => ({
      ok: t.exposeBoolean('ok', { nullable: false, description: 'Always true: the account is deleted and the session is revoked.' }),
    }),
  },
);
