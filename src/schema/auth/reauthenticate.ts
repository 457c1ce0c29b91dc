import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { requireCurrentPassword } from '../../identity/credentials/verify-password.ts';
import { secretText } from '../../lib/validators.ts';
import { session } from '../../policy/conditions.ts';
import { createSession, Session } from './session.ts';

const ReauthenticateInput = builder.inputType('ReauthenticateInput', {
  description: 'The proof of who is asking.',
  fields: (t) => ({ password: t.string({ required: true, validate: secretText, description: 'The password of the account.' }) }),
});

builder.mutationField('reauthenticate', (t) =>
  t.field({
    type: Session,
    nullable: false,
    description: 'Proves again who is asking: a fresh session takes the place of this one and ends when this one would have.',
    access: session,
    credential: true,
    args: { input: t.arg({ type: ReauthenticateInput, required: true, description: 'The proof.' }) },
    resolve: async (_, { input }, context) => {
      const { viewer } = context;
      if (!viewer) throw graphqlError('UNAUTHENTICATED');
      await requireCurrentPassword(context, viewer.user, input.password);
      const { user, token } = viewer;
      const { domainId, description, expiresAt } = token;
      return createSession(context, { userId: user.id, domainId, description, expiresAt, action: 'authn_reauthenticate_success' });
    },
  }),
);
