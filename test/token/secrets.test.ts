import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { Prisma } from '../../src/database/generated/prisma/client.ts';
import { openSmtpServer } from '../mail/smtp-server.ts';
import { startTestServer, waitUntil } from '../test-server.ts';

const smtp = await openSmtpServer();
const server = await startTestServer({ LOG_LEVEL: 'trace', SMTP_URL: smtp.url });

const session = '{ accessToken refreshToken }';
const register = `mutation ($input: RegisterInput!) { register(input: $input) { session ${session} } }`;
const login = `mutation ($input: LoginInput!) { login(input: $input) { ... on Session ${session} } }`;
const refresh = `mutation ($input: RefreshInput!) { refresh(input: $input) ${session} }`;
const reauthenticate = `mutation ($input: ReauthenticateInput!) { reauthenticate(input: $input) ${session} }`;
const confirm = 'mutation ($input: ConfirmEmailInput!) { confirmEmail(input: $input) { passwordKept } }';
const createApiToken = 'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }';

interface Pair {
  accessToken: string;
  refreshToken: string;
}

/** Calls everything that returns or accepts secrets, with valid and invalid input. Returns the secrets and the error responses. */
async function collectSecrets() {
  const [password, wrong] = [`the password ${randomUUID()}`, `a wrong one ${randomUUID()}`];
  const email = `${randomUUID()}@example.com`;
  const registered: Pair = (await server.query(register, { input: { email, password } })).data.register.session;
  const entered: Pair = (await server.query(login, { input: { email, password } })).data.login;
  const refreshed: Pair = (await server.query(refresh, { input: { refreshToken: entered.refreshToken } })).data.refresh;
  const repeated: Pair = (await server.query(refresh, { input: { refreshToken: entered.refreshToken } })).data.refresh;
  const proven: Pair = (await server.query(reauthenticate, { input: { password } }, { token: repeated.accessToken })).data.reauthenticate;
  const link = await emailedToken(email);
  await server.query(confirm, { input: { token: link, password } });
  const input = { description: 'CI', scopes: ['users:read'] };
  const { secret } = (await server.query(createApiToken, { input }, { token: proven.accessToken })).data.createApiToken;
  await server.query('{ me { id } }', {}, { token: secret });
  const guesses = [
    wrong,
    `fgr_${randomUUID().replaceAll('-', '').padEnd(43, 'x')}`,
    `fg_${randomUUID().replaceAll('-', '').padEnd(43, 'x')}`,
  ];
  const errorResponses = [
    await server.query(login, { input: { email, password: wrong } }),
    await server.query(login, { input: { email, password: [wrong] } }),
    await server.query(register, { input: { email: 'no address', password: wrong } }),
    await server.query(register, { input: { email, password: wrong } }),
    await server.query(reauthenticate, { input: { password: wrong } }, { token: proven.accessToken }),
    await server.query(refresh, { input: { refreshToken: guesses[1] } }),
    await server.query(refresh, { input: { refreshToken: registered.refreshToken, more: guesses[1] } }),
    await server.query(`mutation { refresh(input: { refreshToken: "${guesses[1]}" ) { expiresAt } }`),
    await server.query('{ me { id } }', {}, { token: guesses[2] as string }),
    await server.query('{ me { id } }', {}, { token: `${proven.accessToken}x` }),
    ...(await failWithBrokenDatabase({ email: `${randomUUID()}@example.com`, password }, registered.refreshToken)),
    ...(await reuseRefreshToken(registered.refreshToken)),
  ];
  await server.query('mutation { logout { ended } }', {}, { token: proven.accessToken });
  const pairs = [registered, entered, refreshed, repeated, proven].flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken]);
  return { secrets: [password, ...guesses, ...pairs, secret, link], errorResponses };
}

/** The token of the link that was emailed to the address. */
async function emailedToken(email: string) {
  const { raw } = await waitUntil(() => smtp.taken.find(({ to, raw }) => to.includes(email) && raw.includes('Subject: Confirm')));
  const [token = ''] = /fgl_[\w-]{43}/.exec(raw.replaceAll('=\r\n', '')) ?? [];
  expect(token).not.toBe('');
  return token;
}

/** Uses a refresh token again after its successor. */
async function reuseRefreshToken(refreshToken: string) {
  const next: Pair = (await server.query(refresh, { input: { refreshToken } })).data.refresh;
  await server.query(refresh, { input: { refreshToken: next.refreshToken } });
  const answer = await server.query(refresh, { input: { refreshToken } });
  expect(answer.code).toBe('TOKEN_REUSED');
  return [answer];
}

/** Calls register and refresh while the database fails, so that the log of internal errors is searched too. */
async function failWithBrokenDatabase(account: { email: string; password: string }, refreshToken: string) {
  const tables = ['Password', 'TokenSecret'].map((name) => Prisma.raw(`"${name}"`));
  for (const table of tables) await server.db.query(sql`alter table ${table} add constraint failing check (false) not valid`);
  const answers = [await server.query(register, { input: account }), await server.query(refresh, { input: { refreshToken } })];
  for (const table of tables) await server.db.query(sql`alter table ${table} drop constraint failing`);
  expect(answers.map((answer) => answer.code)).toEqual(['INTERNAL', 'INTERNAL']);
  return answers;
}

/** Every row of every table, as text; bytes in hexadecimal. */
async function dump() {
  const tables = await server.db.query<{ name: string }>(
    sql`select quote_ident(tablename) as name from pg_tables where schemaname = 'public'`,
  );
  const rows = tables.map(({ name }) =>
    server.db.query<{ row: string }>(sql`select row_to_json(t)::text as row from ${Prisma.raw(name)} t`),
  );
  return (await Promise.all(rows)).flat().map(({ row }) => row);
}

/** The encodings in which a secret could occur: the text, its bytes and the bytes that it encodes. */
function forms(secret: string) {
  const value = secret.replace(/^fg[rl]?_/, '');
  const signature = secret.split('.').at(2);
  const bytes = [Buffer.from(secret), Buffer.from(value), Buffer.from(value, 'base64url')];
  const written = bytes.flatMap((one) => [one.toString('hex'), one.toString('base64').replace(/=+$/, ''), one.toString('base64url')]);
  return [secret, value, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), ...(signature ? [signature] : []), ...written];
}

describe('secrets', async () => {
  const { secrets, errorResponses } = await collectSecrets();
  const places = {
    'the database': (await dump()).join('\n'),
    'the log': server.log.join('\n'),
    'the error responses': JSON.stringify(errorResponses),
  };

  it.each(Object.entries(places))('do not occur in %s', (_, text) => {
    expect(text.length).toBeGreaterThan(1_000);
    for (const [index, secret] of secrets.entries())
      for (const form of forms(secret)) expect(text.includes(form), `secret ${index} as ${form.slice(0, 6)}…`).toBe(false);
  });

  it('leave no password hash in the log or in error responses', () => {
    expect(places['the log'] + places['the error responses']).not.toContain('$argon2');
  });

  it('are exposed only by the fields that return them', async () => {
    const { data } = await server.query('{ __schema { types { name kind fields { name } } } }');
    const fields = data.__schema.types.flatMap(({ name, fields }: { name: string; fields: { name: string }[] | null }) =>
      (fields ?? []).map((field) => `${name}.${field.name}`),
    );
    const secretName = /password(?!Reset)|hash|secret|nonce|otp|(access|refresh)Token|[a-z]Key/i;
    const exceptions = /^Mutation\.(change|reset)Password$|^ConfirmEmailPayload\.passwordKept$/;
    expect(fields.filter((field: string) => secretName.test(field.split('.')[1] ?? '') && !exceptions.test(field))).toEqual([
      'CreateApiTokenPayload.secret',
      'Session.accessToken',
      'Session.refreshToken',
    ]);
  });

  it('are different for every session', () => {
    const values = secrets.filter((secret) => secret.startsWith('fg'));
    expect(new Set(values).size).toBe(values.length - 1); // the retried refresh returned the same token
    for (const value of values) expect(value).toMatch(/^fg[rl]?_[\w-]{43}$/);
  });
});
