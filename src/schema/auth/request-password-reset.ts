import { builder } from '../../graphql/builder.ts';
import { singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { requestEmail } from './request-email.ts';

const RequestPasswordResetInput = builder.inputType('RequestPasswordResetInput', {
  description: 'Whose password is to be chosen anew.',
  fields: (t) => ({
    email: t.string({ required: true, validate: singleLineText(254), description: 'The e-mail address, in any spelling of it.' }),
  }),
});

const RequestPasswordResetPayload = builder.simpleObject('RequestPasswordResetPayload', {
  description: 'What comes of asking for a new password.',
  access: anyone('it says the same to everybody'),
  fields: (t) => ({
    ok: t.boolean({ nullable: false, description: 'Always true: whether the address has an account is said to nobody but its owner.' }),
  }),
});

builder.mutationField('requestPasswordReset', (t) =>
  t.field({
    type: RequestPasswordResetPayload,
    nullable: false,
    description: 'Mails a link by which the owner of the address chooses a new password.',
    access: anyone('whoever has forgotten the password cannot sign in'),
    credential: true,
    args: { input: t.arg({ type: RequestPasswordResetInput, required: true, description: 'The address.' }) },
    resolve: (_, { input }, context) => requestEmail(context, 'passwordReset', input.email),
  }),
);
