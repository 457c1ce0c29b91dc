import { describe, expect, it } from 'vitest';
import { nobody, open, type Person } from '../test-server.ts';

const world = await open();
const next = 'another horse, another battery';

const change = (who: Pick<Person, 'ask'>, newPassword = next, currentPassword = 'correct horse battery staple') =>
  who.ask('mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { ended } }', {
    input: { currentPassword, newPassword },
  });
const logIn = async ({ email }: Person, password: string) =>
  (await world.send('mutation ($input: LoginInput!) { login(input: $input) { __typename } }', { input: { email, password } })).code;
const again = (person: Person) => world.signIn(person.email, person.uuid);
const isAlive = async (person: Person) => (await person.ask('{ me { id } }')).code === undefined;
const provedLongAgo = ({ uuid }: Person) =>
  world.db.prisma.token.updateMany({ where: { userId: uuid }, data: { authenticatedAt: new Date(Date.now() - 11 * 60_000) } });

describe('changePassword', () => {
  it('lets in by the new password, and no more by the old one', async () => {
    const alice = await world.user();
    expect((await change(alice)).errors).toBeUndefined();
    expect([await logIn(alice, next), await logIn(alice, alice.password)]).toEqual([undefined, 'INVALID_CREDENTIALS']);
  });

  it('ends all other sessions before it answers, refresh tokens too; this one and the API tokens stay', async () => {
    const alice = await world.user();
    const others = [await again(alice), await again(alice)];
    const { data } = await alice.ask('mutation { createApiToken(input: { description: "ci", scopes: ["users:read"] }) { secret } }');
    expect((await change(alice)).data.changePassword).toEqual({ ended: 2 });
    expect(await Promise.all([alice, ...others].map(isAlive))).toEqual([true, false, false]);
    expect((await world.send('{ me { id } }', {}, { token: data.createApiToken.secret })).code).toBeUndefined();
    const refresh = 'mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }';
    expect((await world.send(refresh, { input: { refreshToken: others[0]?.refreshToken } })).code).toBe('INVALID_TOKEN');
    const { data: log } = await alice.ask('{ tokenRevocations { edges { node { reason event initiator } } } }');
    const told = log.tokenRevocations.edges.map(({ node }: { node: object }) => node);
    expect(told).toEqual(Array(2).fill({ reason: 'PASSWORD_CHANGED', event: 'CREDENTIAL_CHANGE', initiator: 'USER' }));
  });

  it('asks for the password as it is, counted as a login is', async () => {
    const alice = await world.user();
    expect((await change(alice, next, 'not the password at all')).code).toBe('INVALID_CREDENTIALS');
    expect(await logIn(alice, alice.password)).toBeUndefined();
    const bob = await world.user();
    for (let tries = 0; tries < 5; tries += 1) await change(bob, next, `wrong password number ${tries}`);
    expect((await change(bob)).code).toBe('RATE_LIMITED');
  });

  it('refuses a new password that would be refused at registration, and says where', async () => {
    const alice = await world.user();
    for (const password of ['short', 'passwordpassword', alice.email]) {
      const { errors } = await change(alice, password);
      expect([password, errors?.[0]?.extensions]).toMatchObject([
        password,
        { code: 'INVALID_INPUT', fields: { newPassword: expect.any(Array) } },
      ]);
    }
    expect(await logIn(alice, alice.password)).toBeUndefined();
  });

  it('is for a fresh session: not for an older one, an API token or nobody', async () => {
    const alice = await world.user();
    const { data } = await alice.ask('mutation { createApiToken(input: { description: "ci", scopes: ["users:write"] }) { secret } }');
    await provedLongAgo(alice);
    const program = {
      ask: ((document, variables) => world.send(document, variables, { token: data.createApiToken.secret })) as Person['ask'],
    };
    const codes = [(await change(alice)).code, (await change(program)).code, (await change(nobody(world))).code];
    expect(codes).toEqual(['REAUTHENTICATION_REQUIRED', 'FORBIDDEN', 'UNAUTHENTICATED']);
  });

  it('happens once: of several at the same moment one is right about the password', async () => {
    const alice = await world.user();
    const changes = await Promise.all([1, 2, 3].map((index) => change(alice, `${next} ${index}`)));
    expect(changes.map(({ code }) => code).sort()).toEqual(['INVALID_CREDENTIALS', 'INVALID_CREDENTIALS', undefined].sort());
  });

  it('is recorded, without either password', async () => {
    const alice = await world.user();
    await change(alice);
    const row = await world.db.prisma.auditEvent.findFirst({ where: { userId: alice.uuid, action: 'authn_password_change' } });
    expect(row).toMatchObject({ actorId: alice.uuid, result: 'ok', targetType: 'User' });
    expect(JSON.stringify(row)).not.toContain('horse');
  });
});
