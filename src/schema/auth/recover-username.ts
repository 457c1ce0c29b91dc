import { builder } from '../../graphql/builder.ts';
import { singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { requestEmail } from './request-email.ts';

const RecoverUsernameInput = builder.inputType('RecoverUsernameInput', {
  description: 'Whose username is wanted.',
  fields: (t) => ({
    email: t.string({ required: true, validate: singleLineText(254), description: 'The e-mail address, in any spelling of it.' }),
  }),
});

const RecoverUsernamePayload = builder.simpleObject('RecoverUsernamePayload', {
  description: 'What comes of asking for a username.',
  access: anyone('it says the same to everybody'),
  fields: (t) => ({
    ok: t.boolean({ nullable: false, description: 'Always true: whether the address has an account is said to nobody but its owner.' }),
  }),
});

builder.mutationField('recoverUsername', (t) =>
  t.field({
    type: RecoverUsernamePayload,
    nullable: false,
    description: 'Mails the owner of the address by which names the account logs in.',
    access: anyone('whoever has forgotten the name cannot sign in'),
    credential: true,
    args: { input: t.arg({ type: RecoverUsernameInput, required: true, description: 'The address.' }) },
    resolve: (_, { input }, context) => requestEmail(context, 'usernameReminder', input.email),
  }),
);
