import { builder } from '../../graphql/builder.ts';
import { singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { requestEmail } from './request-email.ts';

builder.relayMutationField(
  'recoverUsername',
  {
    inputFields: (t) => ({
      email: t.string({ required: true, validate: singleLineText(254), description: 'The email address, case-insensitive.' }),
    }),
  },
  {
    description: 'Emails the owner of the address how to log in.',
    access: anyone('users who have forgotten their username cannot log in'),
    credential: true,
    resolve: (_, { input }, context) => requestEmail(context, 'usernameReminder', input.email),
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
