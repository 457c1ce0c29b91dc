import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { schema } from '../../src/schema/schema.ts';
import { emailTo } from '../mail/emails.ts';
import { createTokenFor } from '../oauth/endpoint-client.ts';
import { startTestServer, type TestUser } from '../test-server.ts';
import { requestEvents } from '../token/revocation-stream.ts';
import { rawSocket } from '../transport/raw-client.ts';

const server = await startTestServer();
const { prisma } = server.db;
const past = new Date(Date.now() - 1_000);
const sidOf = ({ tokenId }: TestUser) => Buffer.from(tokenId, 'base64').toString().replace('Token:', '');
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken user { id } } } }';

/** The fields that exchange a credential. A new one must be added here: that a bad bearer token does not stop it is a decision. */
const exchanging = [
  'acceptInvitation',
  'confirmEmail',
  'confirmEmailChange',
  'createFirstSuperadmin',
  'login',
  'recoverUsername',
  'refresh',
  'register',
  'requestPasswordReset',
  'resendConfirmation',
  'resetPassword',
  'undoEmailChange',
];

async function expired(): Promise<string> {
  const user = await server.user();
  await prisma.token.update({ where: { id: sidOf(user) }, data: { expiresAt: past } });
  return String(user.accessToken);
}

/** The values of bad `authorization` headers. */
const headers = await (async () => {
  const [loggedOut, disabled, owner] = [await server.user(), await server.user(), await server.user()];
  await loggedOut.query('mutation { logout { ended } }');
  await prisma.user.update({ where: { id: disabled.uuid }, data: { enabled: false } });
  const gone = await createTokenFor(server, owner.uuid, ['users:read']);
  await prisma.token.update({ where: { id: gone.id }, data: { revokedAt: past } });
  return {
    expired: `Bearer ${await expired()}`,
    revoked: `Bearer ${loggedOut.accessToken}`,
    'of a disabled account': `Bearer ${disabled.accessToken}`,
    'a revoked API token': `Bearer ${gone.secret}`,
    'an unknown API token': `Bearer fg_${'A'.repeat(43)}`,
    malformed: 'Bearer x',
    empty: '',
    'of another scheme': 'Basic YTpi',
  };
})();

describe.each(Object.entries(headers))('a bearer token that is %s', (_, authorization) => {
  const send = (document: string, variables: object = {}) => server.query(document, variables, { headers: { authorization } });

  it('does not stop login, register, refresh and the password reset', async () => {
    const alice = await server.user();
    const { email, password } = alice;
    expect((await send(login, { input: { email, password } })).data.login.user.id).toBe(alice.id);
    const fresh = await send('mutation ($input: RegisterInput!) { register(input: $input) { __typename } }', {
      input: { email: `${randomUUID()}@example.com`, password },
    });
    expect(fresh.code).toBeUndefined();
    const { refreshToken } = await server.newSession(alice);
    const refreshed = await send('mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken user { id } } }', {
      input: { refreshToken },
    });
    expect(refreshed.data.refresh.user.id).toBe(alice.id);
    await send('mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }', { input: { email } });
    const { token } = await emailTo(server, alice.uuid, 'passwordReset');
    const newPassword = 'nine amber foxes fold a paper crane';
    const reset = await send('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }', {
      input: { token, newPassword },
    });
    expect(reset.data).toEqual({ resetPassword: { ok: true } });
  });

  it('rejects every operation with another field with 401 and runs nothing of it', async () => {
    const alice = await server.user();
    const input = { email: alice.email, password: alice.password };
    const others = [
      '{ me { id } }',
      '{ __typename }',
      'mutation { logout { ended } }',
      'mutation ($input: LoginInput!) { login(input: $input) { __typename } logout { ended } }',
      'mutation ($input: LoginInput!) { logout { ended } login(input: $input) { __typename } }',
      'mutation ($input: LoginInput!) { ...one } fragment one on Mutation { ... { login(input: $input) { __typename } logout { ended } } }',
      'mutation ($input: LoginInput!) { login(input: $input) { __typename } logout @skip(if: true) { ended } }',
    ];
    for (const document of others) {
      const answer = await send(document, document.includes('$input') ? { input } : {});
      expect(answer.status, document).toBe(401);
      expect(answer).not.toHaveProperty('data');
    }
    expect(await prisma.token.count({ where: { userId: alice.uuid } })).toBe(1);
  });
});

describe('an expired bearer token', () => {
  const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});
  it.each(mutations)('does not stop $name if it exchanges a credential, and otherwise rejects it', async ({ name, args, type }) => {
    const [input] = args;
    const selection = String(type).endsWith('!') || input ? '{ __typename }' : '';
    const document = input
      ? `mutation ($input: ${input.type}) { ${name}(input: $input) ${selection} }`
      : `mutation { ${name} ${selection} }`;
    const answer = await server.query(document, {}, { headers: { authorization: headers.expired } });
    if (exchanging.includes(name)) expect([name, answer.status === 401, answer.code]).toEqual([name, false, 'INVALID_INPUT']);
    else expect([name, answer.status, answer.code]).toEqual([name, 401, 'TOKEN_EXPIRED']);
  });

  it('does not stop login that follows __typename or is in a fragment', async () => {
    const { email, password, id } = await server.user();
    const document =
      'mutation ($input: LoginInput!) { __typename ...one } fragment one on Mutation { login(input: $input) { ... on Session { user { id } } } }';
    const answer = await server.query(document, { input: { email, password } }, { headers: { authorization: headers.expired } });
    expect(answer.data.login.user.id).toBe(id);
  });

  it('does not stop login over a WebSocket whose session has been revoked, or over server-sent events', async () => {
    const { email, password, id } = await server.user();
    const query = login;
    const variables = { input: { email, password } };
    const answer = await requestEvents(server, headers.expired.replace('Bearer ', ''), { query, variables });
    expect(await answer.text()).toContain(id);
    const other = await server.user();
    const line = await rawSocket(server);
    await line.init(other.accessToken);
    await prisma.token.update({ where: { id: sidOf(other) }, data: { expiresAt: past } });
    line.send({ id: '1', type: 'subscribe', payload: { query: '{ me { id } }' } });
    expect(JSON.stringify(await line.waitForMessage('error', '1'))).toContain('TOKEN_EXPIRED');
    line.send({ id: '2', type: 'subscribe', payload: { query, variables } });
    expect((await line.waitForMessage('next', '2')).payload.data.login.user.id).toBe(id);
    line.socket.terminate();
  });
});
