import type { GraphQLErrorExtensions } from 'graphql';
import { sql } from '../../database/database.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { usernameKey } from '../../identity/accounts/username.ts';
import { recordAuditEvent } from '../../identity/audit/record-event.ts';
import { hashPassword, verifyPassword } from '../../identity/credentials/password-hash.ts';
import { consume, passwordKeys, refund } from '../../identity/credentials/rate-limit.ts';
import { emailKey } from '../../lib/email-address.ts';
import { secretText, singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { firstRejection, hooks } from './hooks.ts';
import { createSession, Session } from './session.ts';

const LoginInput = builder.inputType('LoginInput', {
  description: 'Who logs in, how they prove it, and from where.',
  fields: (t) => ({
    email: t.string({
      required: true,
      validate: singleLineText(254),
      description: 'The e-mail address of the account, in any spelling of it, or its username.',
    }),
    password: t.string({ required: true, validate: secretText, description: 'The password, exactly as it was set.' }),
    domain: t.string({ validate: singleLineText(63), description: 'The name of the domain that the session is entered through.' }),
    device: t.string({ validate: singleLineText(120), description: 'What the owner calls the device.' }),
  }),
});

const LoginResult = builder.unionType('LoginResult', { types: [Session], description: 'What comes of a right password.' });

builder.mutationField('login', (t) =>
  t.field({
    type: LoginResult,
    nullable: false,
    description: 'Opens a session by e-mail address, or username, and password.',
    access: anyone('whoever logs in is nobody yet'),
    credential: true,
    args: { input: t.arg({ type: LoginInput, required: true, description: 'The proof.' }) },
    resolve: async (_, { input }, context) => {
      // A name is counted apart from the address: counted together, a few guesses by the one would tell whose the other is.
      const key = emailKey(input.email) ?? usernameKey(input.email);
      const tries = passwordKeys(key ?? input.email, context.client.network);
      await consume(context, tries);
      const account = key === undefined ? undefined : await find(context, key, input.domain ?? null);
      const { right, weak } = await verifyPassword(account?.hash, input.password);
      if (!account || !right) throw await refused(context, account?.id ?? null, 'INVALID_CREDENTIALS');
      if (!account.enabled) throw await refused(context, account.id, 'ACCOUNT_DISABLED');
      if (!account.confirmed && context.config.REQUIRE_EMAIL_CONFIRMATION) throw await refused(context, account.id, 'EMAIL_NOT_CONFIRMED');
      if (input.domain != null && account.domainId === null) throw await refused(context, account.id, 'DOMAIN_ACCESS_DENIED');
      const reason = await firstRejection(hooks.onLogin, {
        userId: account.id,
        domainId: account.domainId,
        client: context.client,
        db: context.db,
      });
      if (reason !== undefined) throw await refused(context, account.id, 'FORBIDDEN', { coordinate: 'Mutation.login', reason });
      if (weak) await renewHash(context, account.id, account.hash, input.password);
      await refund(context, tries);
      const { id: userId, domainId } = account;
      return createSession(context, { userId, domainId, description: input.device ?? null, action: 'authn_login_success' });
    },
  }),
);

interface Account {
  id: string;
  hash: string | null;
  enabled: boolean;
  confirmed: boolean;
  domainId: string | null;
}

/** The account, unless it is deleted, and the domain if the user may enter it and no domain above it is disabled; in one statement. */
async function find({ db }: Context, key: string, domain: string | null): Promise<Account | undefined> {
  const enterable = sql`(
    select d.id::text from "Domain" d where d.name = ${domain} and exists (select from domain_entry_grants(u.id, d.id))
      and not exists (select from domain_ancestors(d.id) a where not a.active))`;
  const [account] = await db.query<Account>(sql`
    select u.id::text, p.hash, u.enabled, u."emailConfirmedAt" is not null as confirmed, ${domain === null ? sql`null` : enterable} as "domainId"
    from "User" u left join "Password" p on p."userId" = u.id
    where (u."emailKey" = ${key} or u."usernameKey" = ${key}) and u."deletedAt" is null`);
  return account;
}

async function refused(
  context: Context,
  userId: string | null,
  code: 'INVALID_CREDENTIALS' | 'ACCOUNT_DISABLED' | 'EMAIL_NOT_CONFIRMED' | 'DOMAIN_ACCESS_DENIED' | 'FORBIDDEN',
  extensions: GraphQLErrorExtensions = {},
) {
  await recordAuditEvent(context.db.prisma, context.client, null, { action: 'authn_login_fail', result: 'denied', reason: code, userId });
  return graphqlError(code, extensions);
}

/** Replaces a hash of older parameters, unless the password was changed meanwhile. */
async function renewHash({ db }: Context, userId: string, old: string | null, password: string) {
  await db.prisma.password.updateMany({ where: { userId, hash: old ?? '' }, data: { hash: await hashPassword(password) } });
}
