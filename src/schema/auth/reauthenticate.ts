import { session } from '../../policy/conditions.ts';
import { builder } from '../../graphql/builder.ts';
import { failure } from '../../errors.ts';
import { secretText } from '../../lib/validators.ts';
import { provePassword } from '../../identity/credentials/verify-password.ts';
import { Session, startSession } from './session.ts';

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
      if (!viewer) throw failure('UNAUTHENTICATED');
      await provePassword(context, viewer.user, input.password);
      const { user, token } = viewer;
      const { domainId, description, expiresAt: until } = token;
      return startSession(context, { userId: user.id, domainId, description, until, action: 'authn_reauthenticate_success' });
    },
  }),
);
