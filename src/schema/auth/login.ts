import type { GraphQLErrorExtensions } from 'graphql';
import { codeOf, type ErrorCode, graphqlError, requestError } from '../../errors.ts';
import { builder, type InputFields, type InputOf } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { usernameKey } from '../../identity/accounts/username.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { isKnownNetwork } from '../../identity/credentials/known-network.ts';
import { hashPassword, verifyPassword } from '../../identity/credentials/password-hash.ts';
import { type CountedGuess, tryConsumeEmail, whileCounted } from '../../identity/credentials/rate-limit.ts';
import { emailKeys } from '../../identity/credentials/rate-limit-keys.ts';
import { countLogin, findLoginAccount, type LoginAccount, type LoginName } from '../../identity/logins/count-login.ts';
import { emailKey } from '../../lib/email-address.ts';
import { labelText, secretText, singleLineText } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import type { LoginOutcome } from '../../metrics.ts';
import { anyone } from '../../policy/conditions.ts';
import { firstRejection, hooks } from './hooks.ts';
import { enterOpenedSession, needsViewer, type OpenedSession, openSession, Session } from './session.ts';

const inputFields = (t: InputFields) => ({
  email: t.string({
    required: true,
    validate: singleLineText(254),
    description: 'The email address or username of the account, case-insensitive.',
  }),
  password: t.string({ required: true, validate: secretText, description: 'The password.' }),
  domain: t.string({ validate: singleLineText(63), description: 'The name of the domain to log in to.' }),
  device: t.string({ validate: labelText(120), description: 'A name for the device, shown in the list of sessions.' }),
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
    resolve: async (_, { input }, context, info) => {
      const name = { text: input.email, key: emailKey(input.email) ?? usernameKey(input.email), domain: input.domain ?? null };
      const { account, ...guess } = await countLogin(context, name).catch(reportRejection(context));
      // The attempt is refunded with the insertion of the session: what fails afterwards must not take it back once more.
      const opened = await whileCounted(context, guess.counted, () => logIn(context, { name, input, guess }, account));
      context.reports.loginEnded(context.client, opened.session.userId, 'OK');
      return enterOpenedSession(context, opened, needsViewer(info));
    },
  }),
);

/** Reports a login that a limit rejects before its password is checked. */
const reportRejection =
  ({ reports, client }: Context) =>
  (error: unknown): never => {
    if (codeOf(error) === 'RATE_LIMITED') reports.loginEnded(client, null, 'RATE_LIMITED');
    throw error;
  };

interface VerifiedAccount extends LoginAccount {
  readonly hash: string;
}

interface Login {
  readonly name: LoginName;
  readonly input: Input;
  readonly guess: CountedGuess;
}

const maxAttempts = 3; // for a password that two logins rehash at once; any other change fails the second attempt

/**
 * Checks the credentials and creates a session, which demands that nothing checked has changed meanwhile. If something has, checks again: then
 * the client gets the error of the check that fails now.
 */
async function logIn(
  context: Context,
  login: Login,
  account: LoginAccount | undefined,
  previous?: VerifiedAccount,
  attempt = 1,
): Promise<OpenedSession> {
  const { name, input, guess } = login;
  const verified = await verifyAccount(context, login, account);
  await requireLoginAllowed(context, verified, input);
  const { id: userId, domainId, hash, accessVersion, entryVersion } = verified;
  // The sessions of the account, or those in the domain, were revoked after the first check: a login that began before does not outlive that.
  const isRevoked = previous && (previous.accessVersion !== accessVersion || previous.entryVersion !== entryVersion);
  if (isRevoked) throw await failLogin(context, userId, 'INVALID_CREDENTIALS');
  const proof = { userId, hash, accessVersion, entryVersion };
  const values = {
    userId,
    domainId,
    description: input.device ?? null,
    action: 'authn_login_success',
    proof,
    counted: guess.counted,
  } as const;
  const opened = await openSession(context, values);
  if (opened) return opened;
  if (attempt === maxAttempts) throw requestError('UNAVAILABLE');
  return logIn(context, login, await findLoginAccount(context.db, name), verified, attempt + 1);
}

/**
 * Throws INVALID_CREDENTIALS if the password is wrong, or if it is that of an account whose address has to be confirmed first; or the error of the
 * account's limit, if it is exceeded and the password is wrong or was not checked, because the account does not know the network. In all these cases
 * the work is the same: for an unknown account, `verifyPassword` checks a decoy. So the response and its time reveal neither whether the account
 * exists nor whether its address was free until now, nor which networks it knows.
 */
async function verifyAccount(context: Context, { name, input, guess }: Login, account: LoginAccount | undefined): Promise<VerifiedAccount> {
  const { email, password } = input;
  const { limited } = guess;
  const { REQUIRE_EMAIL_CONFIRMATION, FLASK_SECURITY_PASSWORD_SALT: flaskSalt } = context.config;
  const userId = account?.id ?? null;
  const isChecked = !limited || (await isKnownNetwork(context.db, userId, context.client.network));
  const decoy = await context.decoys.choose(name.key ?? name.text);
  // An unchecked password costs the same as a checked one: the hash of the account may be of another system.
  const { valid: matches, needsRehash } = await verifyPassword(account?.hash, password, { flaskSalt, decoy });
  const valid = matches && isChecked;
  const unconfirmed = account && valid && REQUIRE_EMAIL_CONFIRMATION && !account.confirmed ? account : null;
  if (account?.hash && valid && !unconfirmed) {
    const hash = needsRehash ? await rehashPassword(context, account.id, account.hash, password) : account.hash;
    return { ...account, hash };
  }
  await recordFailure(context, userId, !isChecked ? 'RATE_LIMITED' : unconfirmed ? 'EMAIL_NOT_CONFIRMED' : 'INVALID_CREDENTIALS');
  if (REQUIRE_EMAIL_CONFIRMATION) await resendConfirmation(context, unconfirmed, email);
  throw limited ?? graphqlError('INVALID_CREDENTIALS');
}

/** Queues another confirmation email within the limits. Without an account, does the same work for an email without a recipient. */
async function resendConfirmation(context: Context, account: LoginAccount | null, attempted: string): Promise<void> {
  const { db, client } = context;
  const isWithinLimit = await tryConsumeEmail(context, emailKeys('login', account?.emailKey ?? `none ${attempted}`, client.network));
  if (isWithinLimit) await enqueueEmail(db.prisma, 'emailConfirmation', { emailKey: account?.emailKey ?? '' }, requestOrigin(client));
}

/** Checked after the password, so that only the owner learns the state of the account. */
async function requireLoginAllowed(context: Context, account: LoginAccount, { domain }: Input): Promise<void> {
  const { client, db } = context;
  const { id: userId, domainId } = account;
  if (!account.enabled) throw await failLogin(context, userId, 'ACCOUNT_DISABLED');
  if (domain != null && domainId === null) throw await failLogin(context, userId, 'DOMAIN_ACCESS_DENIED');
  const reason = await firstRejection(hooks.onLogin, { userId, domainId, client, db });
  if (reason !== undefined) throw await failLogin(context, userId, 'FORBIDDEN', { coordinate: 'Mutation.login', reason });
}

/** Replaces a hash with outdated parameters, unless the password has been changed since it was verified. Returns the new hash. */
async function rehashPassword({ db }: Context, userId: string, outdated: string, password: string): Promise<string> {
  const hash = await hashPassword(password);
  await db.prisma.password.updateMany({ where: { userId, hash: outdated }, data: { hash } });
  return hash;
}

/** Records the failure and returns the error to throw. */
async function failLogin(context: Context, userId: string, code: FailedLogin & ErrorCode, extensions: GraphQLErrorExtensions = {}) {
  await recordFailure(context, userId, code);
  return graphqlError(code, extensions);
}

type FailedLogin = Exclude<LoginOutcome, 'OK'>;

/** The audit event has the true reason too. */
function recordFailure({ db, client, reports }: Context, userId: string | null, reason: FailedLogin) {
  reports.loginEnded(client, userId, reason);
  return recordAuditEvent(db.prisma, client, null, { action: 'authn_login_fail', result: 'denied', reason, userId });
}
