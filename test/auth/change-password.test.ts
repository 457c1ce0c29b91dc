import { describe, expect, it } from 'vitest';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const next = 'another horse, another battery';

const change = (caller: Pick<TestUser, 'query'>, newPassword = next, currentPassword = 'correct horse battery staple') =>
  caller.query('mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { ended } }', {
    input: { currentPassword, newPassword },
  });
const logIn = async ({ email }: TestUser, password: string) =>
  (await server.query('mutation ($input: LoginInput!) { login(input: $input) { __typename } }', { input: { email, password } })).code;
const signInAgain = (person: TestUser) => server.logIn(person.email, person.uuid);
const isAlive = async (person: TestUser) => (await person.query('{ me { id } }')).code === undefined;
const makeStale = ({ uuid }: TestUser) =>
  server.db.prisma.token.updateMany({ where: { userId: uuid }, data: { authenticatedAt: new Date(Date.now() - 11 * 60_000) } });

describe('changePassword', () => {
  it('accepts the new password at login and rejects the old one', async () => {
    const alice = await server.user();
    expect((await change(alice)).errors).toBeUndefined();
    expect([await logIn(alice, next), await logIn(alice, alice.password)]).toEqual([undefined, 'INVALID_CREDENTIALS']);
  });

  it('revokes all other sessions and their refresh tokens, but keeps the current session and API tokens', async () => {
    const alice = await server.user();
    const others = [await signInAgain(alice), await signInAgain(alice)];
    const { data } = await alice.query('mutation { createApiToken(input: { description: "ci", scopes: ["users:read"] }) { secret } }');
    expect((await change(alice)).data.changePassword).toEqual({ ended: 2 });
    expect(await Promise.all([alice, ...others].map(isAlive))).toEqual([true, false, false]);
    expect((await server.query('{ me { id } }', {}, { token: data.createApiToken.secret })).code).toBeUndefined();
    const refresh = 'mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }';
    expect((await server.query(refresh, { input: { refreshToken: others[0]?.refreshToken } })).code).toBe('INVALID_TOKEN');
    const { data: log } = await alice.query('{ tokenRevocations { edges { node { reason event initiator } } } }');
    const revocations = log.tokenRevocations.edges.map(({ node }: { node: object }) => node);
    expect(revocations).toEqual(Array(2).fill({ reason: 'PASSWORD_CHANGED', event: 'CREDENTIAL_CHANGE', initiator: 'USER' }));
  });

  it('requires the current password and counts failures as login does', async () => {
    const alice = await server.user();
    expect((await change(alice, next, 'not the password at all')).code).toBe('INVALID_CREDENTIALS');
    expect(await logIn(alice, alice.password)).toBeUndefined();
    const bob = await server.user();
    for (let tries = 0; tries < 5; tries += 1) await change(bob, next, `wrong password number ${tries}`);
    expect((await change(bob)).code).toBe('RATE_LIMITED');
  });

  it('rejects a new password that register would reject, and names the field newPassword', async () => {
    const alice = await server.user();
    for (const password of ['short', 'passwordpassword', alice.email]) {
      const { errors } = await change(alice, password);
      expect([password, errors?.[0]?.extensions]).toMatchObject([
        password,
        { code: 'INVALID_INPUT', fields: { newPassword: expect.any(Array) } },
      ]);
    }
    expect(await logIn(alice, alice.password)).toBeUndefined();
  });

  it('rejects a session that is not fresh, an API token and an anonymous caller', async () => {
    const alice = await server.user();
    const { data } = await alice.query('mutation { createApiToken(input: { description: "ci", scopes: ["users:write"] }) { secret } }');
    await makeStale(alice);
    const program = {
      query: ((document, variables) => server.query(document, variables, { token: data.createApiToken.secret })) as TestUser['query'],
    };
    const codes = [(await change(alice)).code, (await change(program)).code, (await change(anonymous(server))).code];
    expect(codes).toEqual(['REAUTHENTICATION_REQUIRED', 'FORBIDDEN', 'UNAUTHENTICATED']);
  });

  it('succeeds once when it is called concurrently with the same current password', async () => {
    const alice = await server.user();
    const changes = await Promise.all([1, 2, 3].map((index) => change(alice, `${next} ${index}`)));
    expect(changes.map(({ code }) => code).sort()).toEqual(['INVALID_CREDENTIALS', 'INVALID_CREDENTIALS', undefined].sort());
  });

  it('records an audit event that contains neither password', async () => {
    const alice = await server.user();
    await change(alice);
    const row = await server.db.prisma.auditEvent.findFirst({ where: { userId: alice.uuid, action: 'authn_password_change' } });
    expect(row).toMatchObject({ actorId: alice.uuid, result: 'ok', targetType: 'User' });
    expect(JSON.stringify(row)).not.toContain('horse');
  });
});
