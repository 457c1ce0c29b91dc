import type { Config } from '../../config.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder, type InputFields, type InputOf } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { createAccount, type NewAccount, validateAccount } from '../../identity/accounts/create-account.ts';
import { isReserved } from '../../identity/accounts/reserved-email.ts';
import { loginIdentifier, username } from '../../identity/accounts/username.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { consume, emailKeys, tryConsume } from '../../identity/credentials/rate-limit.ts';
import { emailKey } from '../../lib/email-address.ts';
import { secretText, singleLineText } from '../../lib/validators.ts';
import { enqueueEmail, requestOrigin } from '../../mail/outbox.ts';
import { anyone } from '../../policy/conditions.ts';
import { profileChanges, profileInputs } from '../user/profile-input.ts';
import { firstRejection, hooks } from './hooks.ts';
import { createSession, Session } from './session.ts';

const inputFields = (t: InputFields) => ({
  email: t.string({ required: true, validate: singleLineText(254), description: 'The e-mail address.' }),
  password: t.string({ required: true, validate: secretText, description: 'The password: long, and not one of the common ones.' }),
  username: t.string({
    validate: username,
    description:
      'A name to log in by, unique in whatever letters. Where the address has to be confirmed first, it is given then, if still free.',
  }),
  ...profileInputs(t, 'register'),
  device: t.string({ validate: singleLineText(120), description: 'What the owner calls the device.' }),
});

type Registration = InputOf<typeof inputFields>;

builder.relayMutationField(
  'register',
  { inputFields },
  {
    description: 'Makes an account, where registration is open.',
    access: anyone('whoever registers is nobody yet; PUBLIC_REGISTRATION decides whether it is open'),
    credential: true,
    resolve: async (_, { input }, context) => {
      if (!context.config.PUBLIC_REGISTRATION) throw graphqlError('FORBIDDEN', { coordinate: 'Mutation.register' });
      await consume(context, { registerByNetwork: context.client.network });
      const faults = validateAccount(context.config, input);
      if (Object.keys(faults).length > 0) throw validationError(faults);
      await askHooks(context, input);
      const userId = await createAccount(context.db, context, accountOf(context.config, input));
      const taken = userId ? undefined : await noteTaken(context, input.email);
      const confirmationRequired = context.config.REQUIRE_EMAIL_CONFIRMATION;
      // Where the address must be proven first, a taken one is answered like a new one (security.md 3.4).
      if (confirmationRequired) return { session: null, confirmationRequired };
      if (!userId) throw graphqlError('TAKEN', { fields: { [taken ?? 'email']: ['must be unique'] } });
      const opening = { userId, domainId: null, description: input.device ?? null, action: 'authn_login_success' } as const;
      return { session: await createSession(context, opening), confirmationRequired };
    },
  },
  {
    outputFields: (t) => ({
      session: t.expose('session', { type: Session, description: 'The first session; null when the address has to be confirmed first.' }),
      confirmationRequired: t.exposeBoolean('confirmationRequired', {
        nullable: false,
        description: 'Whether the address has to be confirmed before a session is given.',
      }),
    }),
  },
);

function accountOf({ DEFAULT_ROLE: role, DEFAULT_DOMAIN: domain, ...config }: Config, input: Registration): NewAccount {
  const { email, password, username: wanted } = input;
  const named = { ...loginIdentifier(wanted), ...(config.REQUIRE_EMAIL_CONFIRMATION && { usernameKey: null }) };
  return { email, password, role, domain, profile: { ...profileChanges(input), ...named } };
}

/** Throws FORBIDDEN with the reason, where a hook has one. */
async function askHooks({ client, db }: Context, { password: _, ...input }: Registration) {
  const reason = await firstRejection(hooks.onRegister, { input, client, db });
  if (reason === undefined) return;
  await recordAuditEvent(db.prisma, client, null, { action: 'user_created', result: 'denied', reason: 'HOOK' });
  throw graphqlError('FORBIDDEN', { coordinate: 'Mutation.register', reason });
}

/** Which field is somebody else's. The owner of a taken address is told of the attempt, and finds it among the events about them. */
async function noteTaken(context: Context, email: string) {
  const { db, client } = context;
  const key = emailKey(email) ?? '';
  // The caller is answered alike, whether the owner is told once more or not.
  const isTold = await tryConsume(context, emailKeys('register', key));
  return db.prisma.$transaction(async (tx) => {
    const owner = await tx.user.findUnique({ where: { emailKey: key }, select: { id: true } });
    await recordAuditEvent(tx, client, null, { action: 'user_created', result: 'denied', reason: 'TAKEN', userId: owner?.id ?? null });
    if (!owner && !(await isReserved(tx, key))) return 'username';
    if (isTold) await enqueueEmail(tx, 'alreadyRegistered', { emailKey: key }, requestOrigin(client));
    return 'email';
  });
}
