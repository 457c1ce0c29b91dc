import { Writable } from 'node:stream';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { generateKeys } from '../../src/identity/keys/configured-keys.ts';
import { createLogger } from '../../src/logger.ts';
import { type RunningServer, startServer } from '../../src/server/start.ts';
import { isEmbedded, testConfig } from '../test-database.ts';
import { uniqueAddress, waitUntil } from '../test-server.ts';
import { backupOf } from './backup-by-hand.ts';
import { inspectDatabase, runCommand, tempEnvironment } from './process.ts';

const { environment, folder, cleanUp } = await tempEnvironment();
afterAll(cleanUp);
const settings = { ...environment, ...(await generateKeys()) };
const admin = (...words: string[]) => runCommand(['scripts/admin.ts', ...words], settings);

const lines: string[] = [];
const log = createLogger('info', new Writable({ write: (chunk, _, done) => done(void lines.push(String(chunk))) }));
const start = () => startServer(testConfig(settings), log);

const { backUp, restoreBackup } = backupOf(environment, folder);

const password = 'horses of the correct battery';
// biome-ignore lint/suspicious/noExplicitAny: untyped documents return any data
type Result = { data: any; errors?: { extensions: { code: string; oldest?: string } }[] };

async function query(url: string, document: string, input: object = {}, token?: string): Promise<Result> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': uniqueAddress(), ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query: document, variables: { input } }),
  });
  return (await response.json()) as Result;
}

const session = '... on Session { accessToken refreshToken token { id } }';
const documents = {
  register: `mutation ($input: RegisterInput!) { register(input: $input) { session { ${session} } } }`,
  login: `mutation ($input: LoginInput!) { login(input: $input) { ${session} } }`,
  refresh: `mutation ($input: RefreshInput!) { refresh(input: $input) { ${session} } }`,
  logout: 'mutation { logout { __typename } }',
  createApiToken: `mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret token { id } } }`,
  revokeToken: `mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { __typename } }`,
  inviteUser: `mutation ($input: InviteUserInput!) { inviteUser(input: $input) { invitation { id } } }`,
  revokeInvitation: `mutation ($input: RevokeInvitationInput!) { revokeInvitation(input: $input) { __typename } }`,
  acceptInvitation: `mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { __typename } }`,
  requestPasswordReset: `mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { __typename } }`,
  resetPassword: `mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { __typename } }`,
  confirmEmail: `mutation ($input: ConfirmEmailInput!) { confirmEmail(input: $input) { __typename } }`,
  me: '{ me { email } }',
  revocations: 'query { tokenRevocations(first: 100) { edges { cursor } pageInfo { endCursor } } }',
};

/** The outcome of an operation: its first error code, or `ok`. */
const outcome = ({ errors }: Result) => errors?.[0]?.extensions.code ?? 'ok';

/** The tokens of the links to a page in emails to an address, newest first, once there are `count`. */
async function linksTo(url: string, page: 'reset' | 'invite', address: string, count: number): Promise<string[]> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const list = await (await fetch(`${url}/dev/mails`)).text();
    const ids = [...list.matchAll(/href="mails\/(?<id>[\da-f-]{36})".*?<br>to (?<to>[^,]*),/g)].flatMap(({ groups }) =>
      groups?.to === address ? [groups.id] : [],
    );
    const texts = await Promise.all(ids.map(async (id) => (await fetch(`${url}/dev/mails/${id}`)).text()));
    const tokens = texts.flatMap((text) => new RegExp(`/${page}\\?token=(?<token>fgl_[\\w-]{43})`).exec(text)?.groups?.token ?? []);
    if (tokens.length >= count) return tokens;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no ${count} emails to ${address}`);
}

interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
}

async function logIn(url: string, email: string): Promise<Session> {
  const { data, errors } = await query(url, documents.login, { email, password });
  if (errors) throw new Error(`${email}: ${JSON.stringify(errors)}`);
  return data.login;
}

async function registerUser(url: string, email: string): Promise<Session> {
  return (await query(url, documents.register, { email, password })).data.register.session;
}

async function requestReset(url: string, email: string) {
  expect(outcome(await query(url, documents.requestPasswordReset, { email }))).toBe('ok');
}

/** What exists at the time of the backup. */
async function prepare({ url, db }: RunningServer) {
  const root = await registerUser(url, 'ada@example.com');
  const { id: userId } = await db.prisma.user.update({
    where: { emailKey: 'ada@example.com' },
    data: { emailConfirmedAt: new Date() },
  });
  const { id: roleId } = await db.prisma.role.findUniqueOrThrow({ where: { name: 'SUPERADMIN' } });
  await db.prisma.roleGrant.create({ data: { userId, roleId } });
  const bob = await registerUser(url, 'bob@example.com');
  await registerUser(url, 'carol@example.com');
  await requestReset(url, 'bob@example.com');
  await requestReset(url, 'carol@example.com');
  const [unusedReset = ''] = await linksTo(url, 'reset', 'bob@example.com', 1);
  const [usedReset = ''] = await linksTo(url, 'reset', 'carol@example.com', 1);
  const invitations: string[] = [];
  const invitationLinks: string[] = [];
  for (const name of ['pending', 'revoked', 'accepted']) {
    const email = `${name}@example.com`;
    const { data } = await query(url, documents.inviteUser, { email, role: 'USER' }, root.accessToken);
    invitations.push(data.inviteUser.invitation.id);
    invitationLinks.push((await linksTo(url, 'invite', email, 1))[0] ?? '');
  }
  const apiTokens: { secret: string; token: { id: string } }[] = [];
  for (const description of ['live', 'revoked later']) {
    const { data } = await query(url, documents.createApiToken, { description, scopes: ['users:read'] }, root.accessToken);
    apiTokens.push(data.createApiToken);
  }
  const ended = await logIn(url, 'bob@example.com');
  await query(url, documents.logout, {}, ended.accessToken);
  const cursor = await endOfLog(url, root);
  return { root, bob, unusedReset, usedReset, invitations, invitationLinks, apiTokens, cursor };
}

async function endOfLog(url: string, { accessToken }: Session): Promise<string> {
  const { data } = await query(url, documents.revocations, {}, accessToken);
  return data.tokenRevocations.pageInfo.endCursor;
}

/** What happens after the backup, and is lost. */
async function changeAfterBackup(url: string, { root, bob, usedReset, invitations, invitationLinks, apiTokens }: Prepared) {
  const rotated = (await query(url, documents.refresh, { refreshToken: bob.refreshToken })).data.refresh as Session;
  const newer = await logIn(url, 'bob@example.com');
  expect(outcome(await query(url, documents.resetPassword, { token: usedReset, newPassword: `${password} too` }))).toBe('ok');
  expect(outcome(await query(url, documents.revokeInvitation, { id: invitations[1] }, root.accessToken))).toBe('ok');
  const acceptance = { token: invitationLinks[2], password, displayName: 'Dora' };
  expect(outcome(await query(url, documents.acceptInvitation, acceptance))).toBe('ok');
  expect(outcome(await query(url, documents.revokeToken, { id: apiTokens[1]?.token.id }, root.accessToken))).toBe('ok');
  return { rotated, newer, cursor: await endOfLog(url, root) };
}

type Prepared = Awaited<ReturnType<typeof prepare>>;

const keyIds = async (url: string) =>
  ((await (await fetch(`${url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);

describe('the admin command restored', { timeout: 300_000 }, () => {
  it('ends all access from before the restore, records it, and lets users log in again', async () => {
    let server = await start();
    const before = await prepare(server);
    const [oldKey] = await keyIds(server.url);
    await server.stop();
    const waitingId = await inspectDatabase(environment, async ({ prisma }) => {
      const { id: userId } = await prisma.user.findUniqueOrThrow({ where: { emailKey: 'bob@example.com' } });
      const waiting = { template: 'passwordReset', userId, data: {}, dueAt: new Date(Date.now() + 3_600_000) };
      return (await prisma.outboxEmail.create({ data: waiting })).id;
    });
    await backUp();

    server = await start();
    const lost = await changeAfterBackup(server.url, before);
    await server.stop();
    await restoreBackup();
    const restored = await admin('restored');
    expect([restored.code, restored.err]).toEqual([0, '']);
    expect(restored.out).toMatch(
      /^Revoked \d+ sessions and 2 API tokens\.\nVoided \d+ email links, 3 invitations and [1-9] waiting emails\.\n/,
    );
    expect(restored.out).toContain('Superadmins now: ada@example.com');

    server = await start();
    const { url } = server;
    const dead = async (token: string | undefined) => outcome(await query(url, documents.me, {}, token));
    for (const { accessToken, refreshToken } of [before.root, before.bob, lost.rotated, lost.newer]) {
      expect(await dead(accessToken)).toBe('INVALID_TOKEN');
      expect(outcome(await query(url, documents.refresh, { refreshToken }))).toMatch(/^(?:INVALID_TOKEN|TOKEN_REVOKED)$/);
    }
    for (const { secret } of before.apiTokens) expect(await dead(secret)).toBe('TOKEN_REVOKED');
    for (const token of [before.unusedReset, before.usedReset])
      expect(outcome(await query(url, documents.resetPassword, { token, newPassword: `${password} three` }))).toBe('INVALID_TOKEN');
    for (const token of before.invitationLinks)
      expect(outcome(await query(url, documents.acceptInvitation, { token, password, displayName: 'Eve' }))).toBe('INVALID_TOKEN');
    expect(await keyIds(url)).toEqual([expect.not.stringMatching(oldKey ?? '')]);

    const root = await logIn(url, 'ada@example.com');
    const list = 'query ($input: String) { tokenRevocations(first: 100, after: $input) { edges { cursor } } }';
    for (const cursor of [before.cursor, lost.cursor]) {
      const { errors } = await query(url, list.replace('$input)', `"${cursor}")`).replace('($input: String) ', ''), {}, root.accessToken);
      expect(errors?.[0]?.extensions.code).toBe('CURSOR_EXPIRED');
    }
    await requestReset(url, 'bob@example.com');
    const [fresh = ''] = await linksTo(url, 'reset', 'bob@example.com', 2);
    expect(outcome(await query(url, documents.resetPassword, { token: fresh, newPassword: `${password} four` }))).toBe('ok');
    await server.stop();

    await inspectDatabase(environment, async ({ prisma }) => {
      const [event] = await prisma.auditEvent.findMany({ where: { action: 'sys_database_restored' } });
      const last = await prisma.auditEvent.findFirst({
        where: { at: { lt: event?.at ?? new Date() }, NOT: { agent: 'restored' } },
        orderBy: { at: 'desc' },
      });
      expect(event).toMatchObject({ agent: 'restored', details: { apiTokens: 2, invitations: 3, lastEventAt: last?.at.toISOString() } });
      expect(await prisma.outboxEmail.findUnique({ where: { id: waitingId } })).toMatchObject({ outcome: 'obsolete', data: null });
    });
  });

  it('keeps API tokens only with --keep-api-tokens, and can run again', async () => {
    const server = await start();
    const root = await logIn(server.url, 'ada@example.com');
    const { data } = await query(server.url, documents.createApiToken, { description: 'kept', scopes: ['users:read'] }, root.accessToken);
    await server.stop();
    const kept = await admin('restored', '--keep-api-tokens');
    expect(kept.out).toMatch(/^Revoked [1-9] sessions and 0 API tokens\./);
    expect(kept.out).toContain('- API tokens: revoke them again');
    const again = await start();
    expect(outcome(await query(again.url, documents.me, {}, data.createApiToken.secret))).toBe('ok');
    await again.stop();
    expect((await admin('restored')).out).toContain('Revoked 0 sessions and 1 API tokens.');
    expect((await admin('keys', '--keep-api-tokens')).code).toBe(2);
  });

  it.skipIf(isEmbedded)('runs beside servers: it waits for transactions that open something, and ends what they opened', async () => {
    const writer = new pg.Client({ connectionString: environment.DATABASE_URL });
    await writer.connect();
    const { rows } = await writer.query<{ id: string }>('select id from "User" where "emailKey" = $1', ['bob@example.com']);
    await writer.query('begin');
    const userId = rows[0]?.id;
    const opened = await writer.query<{ id: string }>(
      `insert into "Token" (kind, "userId", "expiresAt", "idleExpiresAt") values ('SESSION', $1, now() + interval '1 h', now() + interval '1 h') returning id`,
      [userId],
    );
    await writer.query(`insert into "OutboxEmail" (template, "userId") values ('passwordReset', $1)`, [userId]);
    await writer.query(
      `insert into "EmailLink" (id, purpose, "userId", email, "emailKey", hash, "expiresAt")
        values (gen_random_uuid(), 'RESET_PASSWORD', $1, '', '', '\\x01', now() + interval '1 h')`,
      [userId],
    );
    await writer.query(
      `insert into "Invitation" (email, "emailKey", "roleId", "invitedById", "expiresAt")
        select 'x@example.com', 'x@example.com', id, $1, now() + interval '1 h' from "Role" where name = 'USER'`,
      [userId],
    );
    const command = admin('restored');
    const observer = new pg.Client({ connectionString: environment.DATABASE_URL }); // within a transaction the view does not change
    await observer.connect();
    const isWaiting = async () => {
      const waiting = await observer.query('select 1 from pg_stat_activity where datname = current_database() and wait_event_type = $1', [
        'Lock',
      ]);
      return waiting.rowCount ?? 0;
    };
    while ((await isWaiting()) === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await writer.query('commit');
    const { code, out } = await command;
    expect(code).toBe(0);
    expect(out).toContain('Voided 1 email links, 1 invitations and 1 waiting emails.');
    const { rows: tokens } = await writer.query('select "revokedReason" from "Token" where id = $1', [opened.rows[0]?.id]);
    expect(tokens).toEqual([{ revokedReason: 'ADMIN_REVOKED' }]);
    await Promise.all([writer.end(), observer.end()]);
  });

  it.skipIf(isEmbedded)('is demanded by a running server whose database was replaced, which ends its subscriptions', async () => {
    const { url, stop } = await start();
    await backUp();
    const root = await logIn(url, 'ada@example.com');
    const follow = async (fields: string) => {
      const { body } = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${root.accessToken}` },
        body: JSON.stringify({ query: `subscription { tokenRevoked(all: true) { ${fields} } }` }),
      });
      const stream = { text: '', ended: Promise.resolve() };
      stream.ended = (async () => {
        for await (const chunk of body ?? []) stream.text += Buffer.from(chunk).toString();
      })();
      return stream;
    };
    // A stream that loads objects has a queue of another kind.
    const streams = [await follow('cursor reason sid'), await follow('cursor sid token { user { email } }')];
    // Until the server has delivered a position that the restore takes back, and delivers no more: that would fail without the database.
    let lastSid = '';
    await waitUntil(async () => {
      const { accessToken } = await logIn(url, 'ada@example.com');
      await query(url, documents.logout, {}, accessToken);
      lastSid = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()).sid;
      return streams.every(({ text }) => text.includes('"cursor"'));
    });
    await waitUntil(() => streams.every(({ text }) => text.includes(lastSid)));
    await restoreBackup();
    await Promise.all(streams.map(({ ended }) => ended));
    for (const { text } of streams) expect(text).toContain('CURSOR_EXPIRED');
    expect(lines.join()).toContain('sys_database_restored');
    await stop();
  });
});
