import { all } from '../../authorization/rules/rule.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type MutationScope, runMutation } from '../../graphql/mutation.ts';
import { withinEmailLimits } from '../../identity/credentials/rate-limit.ts';
import { emailKeys } from '../../identity/credentials/rate-limit-keys.ts';
import { emailKey, storedEmail } from '../../lib/email-address.ts';
import { singleLineText } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { anyone, fresh, session } from '../../policy/conditions.ts';

builder.relayMutationField(
  'requestEmailChange',
  {
    inputFields: (t) => ({ newEmail: t.string({ required: true, validate: singleLineText(254), description: 'The new email address.' }) }),
  },
  {
    description: 'Emails a confirmation link to the new address. The current address stays in use until `confirmEmailChange`.',
    access: all(session, fresh),
    credential: true,
    resolve: async (_, { input: { newEmail } }, context, info) => {
      const { client, viewer: caller } = context;
      if (!caller) throw graphqlError('UNAUTHENTICATED');
      const key = emailKey(newEmail);
      if (key === undefined) throw validationError({ newEmail: ['must be a valid email address'] });
      if (key === caller.user.emailKey) throw validationError({ newEmail: ['must differ from the current address'] });
      const attempt = { emailByNetwork: client.network, ...emailKeys('emailChangeConfirmation', key, caller.user.id) };
      const request = async ({ tx, viewer, audit }: MutationScope) => {
        const { id: userId } = viewer.user;
        await audit({ action: 'user_email_requested', reason: 'emailChangeConfirmation', userId, target: { type: 'User', id: userId } });
        // Whether the address is taken is checked when the email is sent, so that the response time does not reveal it (security.md 3.2).
        await enqueueEmail(tx, 'emailChangeConfirmation', { userId, address: storedEmail(newEmail) }, requestOrigin(client));
        return { ok: true };
      };
      return withinEmailLimits(context, attempt, () => runMutation(context, info, request));
    },
  },
  {
    access: anyone('the response is the same for every address'),
    outputFields: (t) => ({
      ok: t.exposeBoolean('ok', {
        nullable: false,
        description: 'Always true, so that the response does not reveal whether the address is taken.',
      }),
    }),
  },
);
