import { builder } from '../../graphql/builder.ts';
import { singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { requestEmail } from './request-email.ts';

builder.relayMutationField(
  'resendConfirmation',
  {
    inputFields: (t) => ({
      email: t.string({ required: true, validate: singleLineText(254), description: 'The e-mail address, in any spelling of it.' }),
    }),
  },
  {
    description: 'Mails the link once more by which an address is confirmed.',
    access: anyone('whoever has not confirmed the address may be unable to sign in'),
    credential: true,
    resolve: (_, { input }, context) => requestEmail(context, 'confirmation', input.email),
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
