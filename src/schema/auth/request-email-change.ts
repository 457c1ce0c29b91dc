import { all } from '../../authorization/rules/rule.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { consume, emailKeys } from '../../identity/credentials/rate-limit.ts';
import { emailKey } from '../../lib/email-address.ts';
import { singleLineText } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { anyone, fresh, session } from '../../policy/conditions.ts';

builder.relayMutationField(
  'requestEmailChange',
  {
    inputFields: (t) => ({ newEmail: t.string({ required: true, validate: singleLineText(254), description: 'The new e-mail address.' }) }),
  },
  {
    description:
      'Mails a link to an address that the viewer wants; the present one stays until the new one is proven by confirmEmailChange.',
    access: all(session, fresh),
    credential: true,
    resolve: async (_, { input: { newEmail } }, context, info) => {
      const { client, viewer: asking } = context;
      if (!asking) throw graphqlError('UNAUTHENTICATED');
      const key = emailKey(newEmail);
      if (key === undefined) throw validationError({ newEmail: ['must be a valid email address'] });
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
  },
  {
    access: anyone('it says the same of every address'),
    outputFields: (t) => ({
      ok: t.exposeBoolean('ok', { nullable: false, description: 'Always true: whether somebody else has the address is not said.' }),
    }),
  },
);
