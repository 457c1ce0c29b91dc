import { all } from '../../authorization/rules/rule.ts';
import type { Config } from '../../config.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder, type InputFields, type InputOf } from '../../graphql/builder.ts';
import { runMutation } from '../../graphql/mutation.ts';
import { insertAccount } from '../../identity/accounts/create-account.ts';
import { consume, emailKeys } from '../../identity/credentials/rate-limit.ts';
import { emailKey } from '../../lib/email-address.ts';
import { singleLineText } from '../../lib/validators.ts';
import { admin, scope, session } from '../../policy/conditions.ts';
import { resolveGrantForNewUser } from '../role/grant-authority.ts';
import { profileChanges, profileInputs } from '../user/profile-input.ts';
import { User } from '../user/user.ts';

const inputFields = (t: InputFields) => ({
  email: t.string({ required: true, validate: singleLineText(254), description: 'The e-mail address.' }),
  ...profileInputs(t, 'createUser'),
  role: t.string({
    access: session,
    validate: singleLineText(63),
    description: 'The name of the first role, one that the caller may grant; left out, with `domain`, what whoever registers gets.',
  }),
  domain: t.string({
    access: session,
    validate: singleLineText(63),
    description: 'The name of the domain in which it is held; left out, everywhere.',
  }),
});

type Input = InputOf<typeof inputFields>;

builder.relayMutationField(
  'createUser',
  { inputFields },
  {
    description:
      'Makes an account for somebody, who is mailed a link by which to choose a password; using it proves the address. ADMIN and SUPERADMIN are granted by superadmins alone.',
    access: all(scope('users:write'), admin),
    resolve: async (_, { input }, context, info) => {
      const key = emailKey(input.email);
      if (key === undefined) throw validationError({ email: ['not an e-mail address that we take'] });
      await consume(context, emailKeys('welcome', key));
      return runMutation(context, info, async (writing) => {
        const { tx, viewer } = writing;
        const { role, domain } = await resolveGrantForNewUser(writing, firstRole(context.config, input));
        const profile = profileChanges(input);
        const account = { email: input.email, role: role.name, domain: domain?.name, grantedById: viewer.user.id, profile };
        const id = await insertAccount(tx, { client: context.client, viewer }, account);
        if (!id) throw graphqlError('TAKEN', { fields: { email: ['taken'] } });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }) };
      });
    },
  },
  { outputFields: (t) => ({ user: t.expose('user', { type: User, description: 'The user.' }) }) },
);

const firstRole = ({ DEFAULT_ROLE, DEFAULT_DOMAIN }: Config, { role, domain }: Input) =>
  role == null && domain == null ? { role: DEFAULT_ROLE, domain: DEFAULT_DOMAIN } : { role: role ?? DEFAULT_ROLE, domain };
