import type { GraphQLError, GraphQLErrorExtensions } from 'graphql';
import { sql } from '../../database/database.ts';
import { type ErrorCode, graphqlError } from '../../errors.ts';
import { builder, type InputFields, type InputOf } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { usernameKey } from '../../identity/accounts/username.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { isKnownNetwork } from '../../identity/credentials/known-network.ts';
import { hashPassword, verifyPassword } from '../../identity/credentials/password-hash.ts';
import { consumeLogin, loginKeys, refund } from '../../identity/credentials/rate-limit.ts';
import { emailKey } from '../../lib/email-address.ts';
import { secretText, singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { firstRejection, hooks } from './hooks.ts';
import { createSession, Session } from './session.ts';

const inputFields = (t: InputFields) => ({
  email: t.string({
    required: true,
    validate: singleLineText(254),
    description: 'The email address or username of the account, case-insensitive.',
  }),
  password: t.string({ required: true, validate: secretText, description: 'The password.' }),
  domain: t.string({ validate: singleLineText(63), description: 'The name of the domain to log in to.' }),
  device: t.string({ validate: singleLineText(120), description: 'A name for the device, shown in the list of sessions.' }),
});

type Input = InputOf<typeof inputFields>;

const LoginInput = builder.inputType('LoginInput', { fields: inputFields });

const LoginResult = builder.unionType('LoginResult', {
  types: [Session],
  description: 'Result of `login`. Later versions may add members; select fields with `... on Session`.',
});

builder.mutationField('login', (t) =>
  t.field({
    type: LoginResult,
    nullable: false,
    description: 'Creates a session with an email address or username and a password.',
    access: anyone('the caller is not authenticated yet'),
    workload: 'authentication',
    credential: true,
    args: { input: t.arg({ type: LoginInput, required: true, description: 'Input of the mutation.' }) },
    resolve: async (_, { input }, context) => {
      const key = emailKey(input.email) ?? usernameKey(input.email);
      const attempts = loginKeys(key ?? input.email, context.client.network);
      const limited = await consumeLogin(context, attempts);
      const account = key === undefined ? undefined : await findAccount(context, key, input.domain ?? null);
      const verified = await verifyAccount(context, account, input, limited);
      await requireLoginAllowed(context, verified, input);
      if (verified.needsRehash) await rehashPassword(context, verified, input);
      const { passwordByAccount, ...narrower } = attempts;
      await refund(context, limited ? narrower : { ...narrower, passwordByAccount });
      const { id: userId, domainId } = verified;
      return createSession(context, { userId, domainId, description: input.device ?? null, action: 'authn_login_success' });
    },
  }),
);

interface Account {
  readonly id: string;
  readonly hash: string | null;
  readonly enabled: boolean;
  readonly confirmed: boolean;
  /** The domain to log in to, if it is active and the user may enter it. */
  readonly domainId: string | null;
}

interface VerifiedAccount extends Account {
  readonly needsRehash: boolean;
}

/** Finds the account, unless it is deleted, and the domain, if the user may enter it and neither it nor a domain above it is disabled. */
async function findAccount({ db }: Context, key: string, domain: string | null): Promise<Account | undefined> {
  const enterable = sql`(
    select d.id::text from "Domain" d where d.name = ${domain} and exists (select from domain_entry_grants(u.id, d.id))
      and not exists (select from domain_ancestors(d.id) a where not a.active))`;
  const [account] = await db.query<Account>(sql`
    select u.id::text, p.hash, u.enabled, u."emailConfirmedAt" is not null as confirmed, ${domain === null ? sql`null` : enterable} as "domainId"
    from "User" u left join "Password" p on p."userId" = u.id
    where (u."emailKey" = ${key} or u."usernameKey" = ${key}) and u."deletedAt" is null`);
  return account;
}

/**
 * Throws INVALID_CREDENTIALS if the password is wrong; or the error of the account's limit, if it is exceeded and the password is wrong or was not
 * checked, because the account does not know the network. In all these cases the work is the same: for an unknown account, `verifyPassword` checks
 * a dummy hash. So the response and its time reveal neither whether the account exists nor which networks it knows.
 */
async function verifyAccount(
  context: Context,
  account: Account | undefined,
  { password }: Input,
  limited: GraphQLError | undefined,
): Promise<VerifiedAccount> {
  const userId = account?.id ?? null;
  const isChecked = !limited || (await isKnownNetwork(context.db, userId, context.client.network));
  const { valid, needsRehash } = await verifyPassword(isChecked ? account?.hash : null, password);
  if (account && valid) return { ...account, needsRehash };
  const error = await failLogin(context, userId, isChecked ? 'INVALID_CREDENTIALS' : 'RATE_LIMITED');
  throw limited ?? error;
}

/** Checked after the password, so that only the owner learns the state of the account. */
async function requireLoginAllowed(context: Context, account: Account, { domain }: Input): Promise<void> {
  const { client, config, db } = context;
  const { id: userId, domainId } = account;
  if (!account.enabled) throw await failLogin(context, userId, 'ACCOUNT_DISABLED');
  if (!account.confirmed && config.REQUIRE_EMAIL_CONFIRMATION) throw await failLogin(context, userId, 'EMAIL_NOT_CONFIRMED');
  if (domain != null && domainId === null) throw await failLogin(context, userId, 'DOMAIN_ACCESS_DENIED');
  const reason = await firstRejection(hooks.onLogin, { userId, domainId, client, db });
  if (reason !== undefined) throw await failLogin(context, userId, 'FORBIDDEN', { coordinate: 'Mutation.login', reason });
}

/** Replaces a hash with outdated parameters, unless the password has been changed since it was verified. */
async function rehashPassword({ db }: Context, { id: userId, hash }: Account, { password }: Input): Promise<void> {
  await db.prisma.password.updateMany({ where: { userId, hash: hash ?? '' }, data: { hash: await hashPassword(password) } });
}

/** Records the failure and returns the error to throw. */
async function failLogin({ db, client }: Context, userId: string | null, code: ErrorCode, extensions: GraphQLErrorExtensions = {}) {
  await recordAuditEvent(db.prisma, client, null, { action: 'authn_login_fail', result: 'denied', reason: code, userId });
  return graphqlError(code, extensions);
}
