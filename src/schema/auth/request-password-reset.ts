import { builder } from '../../graphql/builder.ts';
import { singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { requestEmail } from './request-email.ts';

builder.relayMutationField(
  'requestPasswordReset',
  {
    inputFields: (t) => ({
      email: t.string({ required: true, validate: singleLineText(254), description: 'The email address, case-insensitive.' }),
    }),
  },
  {
    description: 'Emails the owner of the address a link to choose a new password.',
    access: anyone('users who have forgotten their password cannot log in'),
    credential: true,
    resolve: (_, { input }, context) => requestEmail(context, 'passwordReset', input.email),
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
