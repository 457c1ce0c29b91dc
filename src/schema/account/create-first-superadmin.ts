import { databaseTime, onTransaction } from '../../database/database.ts';
import { graphqlError, validationError } from '../../errors.ts';
import { builder, type InputFields, type InputOf } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { insertAccount, passwordHash, validateAccount } from '../../identity/accounts/create-account.ts';
import { claimFirstSuperadmin, hasSuperadmin, isSetupEnabled, isSetupToken } from '../../identity/accounts/first-superadmin.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { withinLimits } from '../../identity/credentials/rate-limit.ts';
import { secretText, singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { profileChanges, profileInputs } from '../user/profile-input.ts';

const inputFields = (t: InputFields) => ({
  token: t.string({
    required: true,
    validate: secretText,
    description: 'The setup token: that of the link in development, or `SETUP_TOKEN`.',
  }),
  email: t.string({ required: true, validate: singleLineText(254), description: 'The email address. It counts as confirmed.' }),
  password: t.string({ required: true, validate: secretText, description: 'The password. Short and common passwords are rejected.' }),
  ...profileInputs(t, 'createFirstSuperadmin'),
});

type Input = InputOf<typeof inputFields>;

builder.relayMutationField(
  'createFirstSuperadmin',
  { inputFields },
  {
    description:
      'Creates a superadmin with the setup token while there is none. Fails with INVALID_TOKEN if there is one, the token is wrong, or the settings allow no setup. Does not create a session.',
    access: anyone('the setup token is the credential'),
    credential: true,
    resolve: async (_, { input }, context) => {
      const { client } = context;
      if (!isSetupEnabled(context.config)) throw graphqlError('INVALID_TOKEN'); // no secret: then there is no page either
      await withinLimits(context, { setupByNetwork: client.network, setup: 'all' }, () => createFirstSuperadmin(context, input));
      return { ok: true };
    },
  },
  { outputFields: (t) => ({ ok: t.exposeBoolean('ok', { nullable: false, description: 'Always true: the superadmin can log in.' }) }) },
);

/** A wrong token and an existing superadmin have the same error, after the same work (security.md 3.9). */
async function createFirstSuperadmin(context: Context, { token, ...input }: Input): Promise<void> {
  const { config, db, client } = context;
  const isDone = await hasSuperadmin(db);
  if (!isSetupToken(context, token) || isDone) return rejectSetup(context);
  const faults = validateAccount(config, input);
  if (Object.keys(faults).length > 0) throw validationError(faults);
  const { email, password } = input;
  const hash = await passwordHash({ password });
  const outcome = await db.prisma.$transaction(async (tx) => {
    if (!(await claimFirstSuperadmin(tx))) return 'done';
    // The operator counts as the owner of the address, as with the command that creates a superadmin.
    const profile = { ...profileChanges(input), emailConfirmedAt: await databaseTime(onTransaction(tx)) };
    const id = await insertAccount(tx, { client, viewer: null }, { email, password, role: 'SUPERADMIN', profile }, hash);
    return id === null ? 'taken' : 'created';
  });
  if (outcome === 'done') return rejectSetup(context);
  if (outcome === 'taken') throw graphqlError('TAKEN', { fields: { email: ['must not be in use already'] } });
}

async function rejectSetup({ db, client }: Context): Promise<never> {
  await recordAuditEvent(db.prisma, client, null, { action: 'user_created', result: 'denied', reason: 'SETUP' });
  throw graphqlError('INVALID_TOKEN');
}
