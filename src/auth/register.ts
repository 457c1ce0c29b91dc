import { anyone } from '../access/vocabulary.ts';
import { recordIn } from '../audit/record.ts';
import { builder } from '../builder.ts';
import type { Context } from '../context.ts';
import { failure, invalid, meaningOf } from '../errors.ts';
import { emptyToNull, line, secretText } from '../input.ts';
import { emailKey } from './email.ts';
import { hashPassword, normalized } from './password.ts';
import { passwordFaults } from './password-policy.ts';
import { Session, startSession } from './session.ts';
import { throttle } from './throttle.ts';

const RegisterInput = builder.inputType('RegisterInput', {
  description: "A new account. Role, state and confirmation are never the caller's to say.",
  fields: (t) => ({
    email: t.string({ required: true, validate: line(254), description: 'The e-mail address.' }),
    password: t.string({ required: true, validate: secretText, description: 'The password: long, and not one of the common ones.' }),
    displayName: t.string({ validate: line(120), description: 'The name that others see.' }),
    firstName: t.string({ validate: line(120), description: 'The given name.' }),
    lastName: t.string({ validate: line(120), description: 'The family name.' }),
    locale: t.string({ validate: line(35), description: 'The preferred language, a BCP 47 tag.' }),
    device: t.string({ validate: line(120), description: 'What the owner calls the device.' }),
  }),
});

type Registration = typeof RegisterInput.$inferInput;

const RegisterPayload = builder.simpleObject('RegisterPayload', {
  description: 'What comes of a registration.',
  access: anyone('it answers what the caller has just asked for'),
  fields: (t) => ({
    session: t.field({ type: Session, description: 'The first session; null when the address has to be confirmed first.' }),
    confirmationRequired: t.boolean({ nullable: false, description: 'Whether the address has to be confirmed before a session is given.' }),
  }),
});

builder.mutationField('register', (t) =>
  t.field({
    type: RegisterPayload,
    nullable: false,
    description: 'Makes an account, where registration is open.',
    access: anyone('whoever registers is nobody yet; PUBLIC_REGISTRATION decides whether it is open'),
    credential: true,
    args: { input: t.arg({ type: RegisterInput, required: true, description: 'The account.' }) },
    resolve: async (_, { input }, context) => {
      if (!context.config.PUBLIC_REGISTRATION) throw failure('FORBIDDEN', { coordinate: 'Mutation.register' });
      await throttle(context, { registerByNetwork: context.client.network });
      const key = checked(context, input);
      const hash = await hashPassword(input.password);
      const userId = await create(context, key, input, hash);
      const confirmationRequired = context.config.REQUIRE_EMAIL_CONFIRMATION;
      // Where the address must be proven first, a taken one is answered like a new one (security.md 3.4).
      if (confirmationRequired) return { session: null, confirmationRequired };
      if (!userId) throw failure('TAKEN', { fields: { email: ['taken'] } });
      const session = await startSession(context, {
        userId,
        domainId: null,
        description: input.device ?? null,
        action: 'authn_login_success',
      });
      return { session, confirmationRequired };
    },
  }),
);

function checked({ config }: Context, input: Registration): string {
  const key = emailKey(input.email);
  const about = { email: input.email, words: config.PASSWORD_WORDS, min: config.PASSWORD_MIN };
  const password = passwordFaults(normalized(input.password), about);
  const fields = { ...(!key && { email: ['not an e-mail address that we take'] }), ...(password.length > 0 && { password }) };
  if (!key || password.length > 0) throw invalid(fields);
  return key;
}

/** The new user's id; null when the unique key says that the address is taken. */
async function create(context: Context, key: string, input: Registration, hash: string): Promise<string | null> {
  const { db, config, client } = context;
  const { email, displayName, firstName, lastName, locale } = input;
  try {
    return await db.prisma.$transaction(async (tx) => {
      const role = await tx.role.findUniqueOrThrow({ where: { name: config.DEFAULT_ROLE } });
      const domain = config.DEFAULT_DOMAIN ? await tx.domain.findUniqueOrThrow({ where: { name: config.DEFAULT_DOMAIN } }) : null;
      const profile = {
        displayName: emptyToNull(displayName),
        firstName: emptyToNull(firstName),
        lastName: emptyToNull(lastName),
        locale: emptyToNull(locale),
      };
      const grants = { create: { roleId: role.id, domainId: domain?.id ?? null } };
      const user = await tx.user.create({ data: { email, emailKey: key, ...profile, password: { create: { hash } }, grants } });
      await recordIn(tx, client, context.viewer, { action: 'user_created', userId: user.id, target: ['User', user.id] });
      return user.id;
    });
  } catch (error) {
    if (meaningOf(error) === 'TAKEN') return null;
    throw error;
  }
}
