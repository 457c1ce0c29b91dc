import { builder } from '../../graphql/builder.ts';
import { singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { requestEmail } from './request-email.ts';

const ResendConfirmationInput = builder.inputType('ResendConfirmationInput', {
  description: 'Which address is to be confirmed.',
  fields: (t) => ({
    email: t.string({ required: true, validate: singleLineText(254), description: 'The e-mail address, in any spelling of it.' }),
  }),
});

const ResendConfirmationPayload = builder.simpleObject('ResendConfirmationPayload', {
  description: 'What comes of asking for the link once more.',
  access: anyone('it says the same to everybody'),
  fields: (t) => ({
    ok: t.boolean({ nullable: false, description: 'Always true: whether the address has an account is said to nobody but its owner.' }),
  }),
});

builder.mutationField('resendConfirmation', (t) =>
  t.field({
    type: ResendConfirmationPayload,
    nullable: false,
    description: 'Mails the link once more by which an address is confirmed.',
    access: anyone('whoever has not confirmed the address may be unable to sign in'),
    credential: true,
    args: { input: t.arg({ type: ResendConfirmationInput, required: true, description: 'The address.' }) },
    resolve: (_, { input }, context) => requestEmail(context, 'confirmation', input.email),
  }),
);
