import type { Config } from '../../config.ts';
import { onTransaction } from '../../database/database.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder, type InputFields, type InputOf } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { insertAccount, type NewAccount, validateAccount } from '../../identity/accounts/create-account.ts';
import { isReserved } from '../../identity/accounts/reserved-email.ts';
import { loginIdentifier, username } from '../../identity/accounts/username.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { hashPassword } from '../../identity/credentials/password-hash.ts';
import { tryConsumeEmail, withinLimits } from '../../identity/credentials/rate-limit.ts';
import { emailKeys } from '../../identity/credentials/rate-limit-keys.ts';
import { emailKey } from '../../lib/email-address.ts';
import { labelText, secretText, singleLineText } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { anyone } from '../../policy/conditions.ts';
import { profileChanges, profileInputs } from '../user/profile-input.ts';
import { firstRejection, hooks } from './hooks.ts';
import { createSession, Session } from './session.ts';

const inputFields = (t: InputFields) => ({
  email: t.string({ required: true, validate: singleLineText(254), description: 'The email address.' }),
  password: t.string({ required: true, validate: secretText, description: 'The password. Short and common passwords are rejected.' }),
  username: t.string({
    validate: username,
    description: 'A username to log in with; unique, case-insensitive. If confirmation is required, it is reserved only on confirmation.',
  }),
  ...profileInputs(t, 'register'),
  device: t.string({ validate: labelText(120), description: 'A name for the device, shown in the list of sessions.' }),
});

type Input = InputOf<typeof inputFields>;

builder.relayMutationField(
  'register',
  { inputFields },
  {
    description: 'Creates an account. Fails with FORBIDDEN if public registration is disabled.',
    access: anyone('the caller has no account yet; PUBLIC_REGISTRATION enables it'),
    credential: true,
    resolve: async (_, { input }, context) => {
      const { config, db, client } = context;
      if (!config.PUBLIC_REGISTRATION) throw graphqlError('FORBIDDEN', { coordinate: 'Mutation.register' });
      const accept = async () => {
        requireValidAccount(config, input);
        await requireHooksAccept(context, input);
        return hashPassword(input.password);
      };
      const hash = await withinLimits(context, { registerByNetwork: client.network }, accept);
      const userId = await db.prisma.$transaction((tx) => insertAccount(tx, context, toAccount(config, input), hash));
      const takenField = userId ? undefined : await reportTakenAccount(context, input.email);
      const confirmationRequired = config.REQUIRE_EMAIL_CONFIRMATION;
      // If confirmation is required, the response does not reveal whether the address was taken (security.md 3.4).
      if (confirmationRequired) return { session: null, confirmationRequired };
      if (!userId) throw graphqlError('TAKEN', { fields: { [takenField ?? 'email']: ['must not be in use already'] } });
      const values = { userId, domainId: null, description: input.device ?? null, action: 'authn_login_success' } as const;
      const session = await createSession(context, { ...values, proof: { userId, hash, accessVersion: 0 } });
      if (!session) throw graphqlError('INVALID_CREDENTIALS');
      return { session, confirmationRequired };
    },
  },
  {
    outputFields: (t) => ({
      session: t.expose('session', { type: Session, description: 'The new session, or null if the address must be confirmed first.' }),
      confirmationRequired: t.exposeBoolean('confirmationRequired', {
        nullable: false,
        description: 'True if the address must be confirmed before the user can log in.',
      }),
    }),
  },
);

function requireValidAccount(config: Config, input: Input): void {
  const faults = validateAccount(config, input);
  if (Object.keys(faults).length > 0) throw validationError(faults);
}

/** Throws FORBIDDEN with the reason of the first hook that rejects the registration. */
async function requireHooksAccept({ client, db }: Context, { password: _, ...input }: Input): Promise<void> {
  const reason = await firstRejection(hooks.onRegister, { input, client, db });
  if (reason === undefined) return;
  await recordAuditEvent(db.prisma, client, null, { action: 'user_created', result: 'denied', reason: 'HOOK' });
  throw graphqlError('FORBIDDEN', { coordinate: 'Mutation.register', reason });
}

function toAccount(config: Config, input: Input): NewAccount {
  const { DEFAULT_ROLE: role, DEFAULT_DOMAIN: domain, REQUIRE_EMAIL_CONFIRMATION } = config;
  const { email, password } = input;
  const identifier = loginIdentifier(input.username);
  // Reserving the username before confirmation would reveal whether the address was taken.
  const reserved = REQUIRE_EMAIL_CONFIRMATION ? { ...identifier, usernameKey: null } : identifier;
  return { email, password, role, domain, profile: { ...profileChanges(input), ...reserved } };
}

/** Records the attempt and notifies the owner of a taken address. Returns the field that is taken. */
async function reportTakenAccount(context: Context, email: string): Promise<'email' | 'username'> {
  const { db, client } = context;
  const key = emailKey(email) ?? '';
  return db.prisma.$transaction(async (tx) => {
    const owner = await tx.user.findUnique({ where: { emailKey: key }, select: { id: true } });
    await recordAuditEvent(tx, client, null, { action: 'user_created', result: 'denied', reason: 'TAKEN', userId: owner?.id ?? null });
    if (!owner && !(await isReserved(tx, key))) return 'username';
    // Exceeding the limit only skips the email: the response stays the same.
    const isWithinLimit = await tryConsumeEmail({ ...context, db: onTransaction(tx) }, emailKeys('register', key, client.network));
    if (isWithinLimit) await enqueueEmail(tx, 'alreadyRegistered', { emailKey: key }, requestOrigin(client));
    return 'email';
  });
}
