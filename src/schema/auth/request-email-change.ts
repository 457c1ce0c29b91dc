import { all } from '../../authorization/rules/rule.ts';
import { anyone, fresh, session } from '../../policy/conditions.ts';
import { write } from '../../graphql/mutation.ts';
import { builder } from '../../graphql/builder.ts';
import { failure, invalid } from '../../errors.ts';
import { line } from '../../lib/validators.ts';
import { originOf, post } from '../../mail/outbox.ts';
import { emailKey } from '../../lib/email-address.ts';
import { letterTries, throttle } from '../../identity/credentials/rate-limit.ts';

const RequestEmailChangeInput = builder.inputType('RequestEmailChangeInput', {
  description: 'Which address the viewer wants.',
  fields: (t) => ({ newEmail: t.string({ required: true, validate: line(254), description: 'The new e-mail address.' }) }),
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
      if (!asking) throw failure('UNAUTHENTICATED');
      const key = emailKey(newEmail);
      if (key === undefined) throw invalid({ newEmail: ['not an e-mail address that we take'] });
      if (key === asking.user.emailKey) throw invalid({ newEmail: ['the account has this address already'] });
      await throttle(context, { mailByNetwork: client.network, ...letterTries('newAddress', key) });
      return write(context, info, async ({ tx, viewer, audit }) => {
        const { id: userId } = viewer.user;
        await audit({ action: 'user_letter_requested', reason: 'newAddress', userId, target: ['User', userId] });
        // Whether it is taken is asked when the letter is sent, so that this takes the same time for every address (security.md 3.2).
        await post(tx, 'newAddress', { userId, address: newEmail }, originOf(client));
        return { ok: true };
      });
    },
  }),
);
