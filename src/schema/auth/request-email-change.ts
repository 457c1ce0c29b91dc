import { all } from '../../authorization/rules/rule.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { consume, emailKeys } from '../../identity/credentials/rate-limit.ts';
import { emailKey } from '../../lib/email-address.ts';
import { singleLineText } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { anyone, fresh, session } from '../../policy/conditions.ts';

const RequestEmailChangeInput = builder.inputType('RequestEmailChangeInput', {
  description: 'Which address the viewer wants.',
  fields: (t) => ({ newEmail: t.string({ required: true, validate: singleLineText(254), description: 'The new e-mail address.' }) }),
});

const RequestEmailChangePayload = builder.simpleObject('RequestEmailChangePayload', {
  description: 'What comes of asking for another address.',
  access: anyone('it says the same of every address'),
  fields: (t) => ({
    ok: t.boolean({ nullable: false, description: 'Always true: whether somebody else has the address is not said.' }),
  }),
});

builder.mutationField('requestEmailChange', (t) =>
  t.field({
    type: RequestEmailChangePayload,
    nullable: false,
    description:
      'Mails a link to an address that the viewer wants; the present one stays until the new one is proven by confirmEmailChange.',
    access: all(session, fresh),
    credential: true,
    args: { input: t.arg({ type: RequestEmailChangeInput, required: true, description: 'The address.' }) },
    resolve: async (_, { input: { newEmail } }, context, info) => {
      const { client, viewer: asking } = context;
      if (!asking) throw graphqlError('UNAUTHENTICATED');
      const key = emailKey(newEmail);
      if (key === undefined) throw validationError({ newEmail: ['not an e-mail address that we take'] });
      if (key === asking.user.emailKey) throw validationError({ newEmail: ['the account has this address already'] });
      await consume(context, { mailByNetwork: client.network, ...emailKeys('newAddress', key) });
      return runMutation(context, info, async ({ tx, viewer, audit }) => {
        const { id: userId } = viewer.user;
        await audit({ action: 'user_letter_requested', reason: 'newAddress', userId, target: ['User', userId] });
        // Whether it is taken is asked when the letter is sent, so that this takes the same time for every address (security.md 3.2).
        await enqueueEmail(tx, 'newAddress', { userId, address: newEmail }, requestOrigin(client));
        return { ok: true };
      });
    },
  }),
);
