import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { withCurrentPassword } from '../../identity/credentials/verify-password.ts';
import { secretText } from '../../lib/validators.ts';
import { session } from '../../policy/conditions.ts';
import { createSession, Session } from './session.ts';

const ReauthenticateInput = builder.inputType('ReauthenticateInput', {
  fields: (t) => ({ password: t.string({ required: true, validate: secretText, description: 'The current password.' }) }),
});

builder.mutationField('reauthenticate', (t) =>
  t.field({
    type: Session,
    nullable: false,
    description:
      'Verifies the password again and replaces the session with a recently authenticated one. The new session keeps the original expiry.',
    access: session,
    workload: 'authentication',
    credential: true,
    args: { input: t.arg({ type: ReauthenticateInput, required: true, description: 'Input of the mutation.' }) },
    resolve: async (_, { input }, context) => {
      const { viewer } = context;
      if (!viewer) throw graphqlError('UNAUTHENTICATED');
      return withCurrentPassword(context, viewer.user.id, viewer.token.id, input.password, async (proof) => {
        const { user, token } = viewer;
        const { domainId, description, expiresAt } = token;
        const values = { userId: user.id, domainId, description, expiresAt, action: 'authn_reauthenticate_success' } as const;
        const session = await createSession(context, { ...values, proof });
        if (!session) throw graphqlError('INVALID_CREDENTIALS');
        return session;
      });
    },
  }),
);
