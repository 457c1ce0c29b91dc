import { builder } from '../../graphql/builder.ts';
import { singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { requestEmail } from './request-email.ts';

builder.relayMutationField(
  'resendConfirmation',
  {
    inputFields: (t) => ({
      email: t.string({ required: true, validate: singleLineText(254), description: 'The email address, case-insensitive.' }),
    }),
  },
  {
    description: 'Resends the confirmation email.',
    access: anyone('users with an unconfirmed address may be unable to log in'),
    credential: true,
    resolve: (_, { input }, context) => requestEmail(context, 'emailConfirmation', input.email),
  },
  {
    access: anyone('the response is the same for every address'),
    outputFields: (t) => ({
      ok: t.exposeBoolean('ok', {
        nullable: false,
        description: 'Always true, so that the response does not reveal whether the address has an account.',
      }),
    }),
  },
);
