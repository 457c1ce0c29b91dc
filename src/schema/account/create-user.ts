import { all } from '../../authorization/rules/rule.ts';
import type { Config } from '../../config.ts';
import type { Tx } from '../../database/database.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder, type InputFields, type InputOf } from '../../graphql/builder.ts';
import { type CreationScope, idempotencyKeyField, isRepetition, runCreation } from '../../graphql/idempotency.ts';
import { insertAccount } from '../../identity/accounts/create-account.ts';
import { withinEmailLimits } from '../../identity/credentials/rate-limit.ts';
import { emailKeysOfRequester } from '../../identity/credentials/rate-limit-keys.ts';
import { domainIds } from '../../identity/domains/lock-domain.ts';
import { emailKey } from '../../lib/email-address.ts';
import { singleLineText } from '../../lib/validators.ts';
import { admin, scope, session } from '../../policy/conditions.ts';
import { resolveGrantForNewUser } from '../role/grant-authority.ts';
import { profileChanges, profileInputs } from '../user/profile-input.ts';
import { User } from '../user/user.ts';

const inputFields = (t: InputFields) => ({
  email: t.string({ required: true, validate: singleLineText(254), description: 'The email address.' }),
  ...profileInputs(t, 'createUser'),
  role: t.string({
    access: session,
    validate: singleLineText(63),
    description: 'The name of the initial role; the caller must be allowed to grant it. Defaults to DEFAULT_ROLE.',
  }),
  domain: t.string({
    access: session,
    validate: singleLineText(63),
    description:
      'The name of the domain in which the role is granted. If omitted, the role is granted globally, or in DEFAULT_DOMAIN if `role` is omitted too.',
  }),
  idempotencyKey: idempotencyKeyField(t),
});

type Input = InputOf<typeof inputFields>;

builder.relayMutationField(
  'createUser',
  { inputFields },
  {
    description:
      'Creates an account and emails its owner a link to choose a password, which also confirms the address. Only superadmins can grant ADMIN and SUPERADMIN.',
    access: all(scope('users:write'), admin),
    resolve: async (_, { input }, context, info) => {
      const key = emailKey(input.email);
      if (key === undefined) throw validationError({ email: ['must be a valid email address'] });
      const isRepeated = await isRepetition(context, info, input);
      const limits = isRepeated ? {} : emailKeysOfRequester('welcome', key, context.viewer?.user.id ?? '');
      const first = initialRole(context.config, input);
      const create = async (mutation: CreationScope) => {
        const { tx, viewer } = mutation;
        const { role, domain } = await resolveGrantForNewUser(mutation, first);
        const profile = profileChanges(input);
        const account = { email: input.email, role: role.name, domain: domain?.name, grantedById: viewer.user.id, profile };
        const id = await insertAccount(tx, { client: context.client, viewer }, account);
        if (!id) throw graphqlError('TAKEN', { fields: { email: ['must not be in use already'] } });
        return { user: await tx.user.findUniqueOrThrow({ where: { id } }) };
      };
      const requireRights = (mutation: CreationScope) => resolveGrantForNewUser(mutation, first);
      const lockAlso = async (tx: Tx) => ({ domains: await domainIds(tx, first.domain) });
      return withinEmailLimits(context, limits, (queuesNone) => {
        // A repetition of a call that was still running above.
        const repeat = async () => {
          queuesNone();
          return {};
        };
        return runCreation(context, info, { model: 'User', input, requireRights, repeat }, create, lockAlso);
      });
    },
  },
  { outputFields: (t) => ({ user: t.expose('user', { type: User, description: 'The new user.' }) }) },
);

/** An omitted role and domain are those of a public registration. */
const initialRole = ({ DEFAULT_ROLE, DEFAULT_DOMAIN }: Config, { role, domain }: Input) =>
  role == null && domain == null ? { role: DEFAULT_ROLE, domain: DEFAULT_DOMAIN } : { role: role ?? DEFAULT_ROLE, domain };
