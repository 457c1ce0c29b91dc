import { builder } from '../../graphql/builder.ts';
import { singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { requestEmail } from './request-email.ts';

builder.relayMutationField(
  'requestPasswordReset',
  {
    inputFields: (t) => ({
      email: t.string({ required: true, validate: singleLineText(254), description: 'The e-mail address, in any spelling of it.' }),
    }),
  },
  {
    description: 'Mails a link by which the owner of the address chooses a new password.',
    access: anyone('whoever has forgotten the password cannot sign in'),
    credential: true,
    resolve: (_, { input }, context) => requestEmail(context, 'passwordReset', input.email),
  },
  {
    access: anyone('it says the same to everybody'),
    outputFields: (t) => ({
      ok: t.exposeBoolean('ok', {
        nullable: false,
        description: 'Always true: whether the address has an account is said to nobody but its owner.',
      }),
    }),
  },
);
