import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';

const server = await startTestServer();

const refresh = async (refreshToken: string) =>
  (
    await server.query(
      'mutation ($input: RefreshInput!) { refresh(input: $input) { refreshToken } }',
      { input: { refreshToken } },
      { address: '192.0.2.77' },
    )
  ).data?.refresh?.refreshToken as string;

const familyOf = async (by: TestUser, user: TestUser, args = '') => {
  const { data } = await by.query(
    `query ($id: ID!) { user(id: $id) { tokens${args} { edges { node { id kind device description current rotations createdFrom reuse { at from } revokedReason } } } } }`,
    { id: user.id },
  );
  return data.user.tokens.edges.map(({ node }: { node: object }) => node);
};

describe('a session in the token list of its owner', () => {
  it('shows the device and the number of rotations', async () => {
    const alice = await server.user();
    const { data } = await server.query(
      'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { refreshToken token { device rotations reuse { at } } } } }',
      { input: { email: alice.email, password: alice.password, device: 'the blue phone' } },
    );
    expect(data.login.token).toEqual({ device: 'the blue phone', rotations: 0, reuse: null });
    await refresh(await refresh(data.login.refreshToken));
    const [phone, first] = await familyOf(alice, alice);
    expect([phone, first]).toMatchObject([
      { device: 'the blue phone', rotations: 2, current: false },
      { device: null, rotations: 0, current: true },
    ]);
  });

  it('does not count a retried refresh as a rotation', async () => {
    const alice = await server.user();
    const next = await refresh(alice.refreshToken);
    expect(await refresh(alice.refreshToken)).toBe(next);
    expect((await familyOf(alice, alice))[0]).toMatchObject({ rotations: 1 });
  });

  it('shows when and from where a refresh token was reused', async () => {
    const alice = await server.user();
    const stolen = await server.logIn(alice.email, alice.uuid);
    await refresh(await refresh(stolen.refreshToken));
    await refresh(stolen.refreshToken);
    const [family] = await familyOf(alice, alice, '(revoked: true)');
    expect(family).toMatchObject({
      revokedReason: 'REUSE_DETECTED',
      reuse: { at: expect.stringMatching(/^\d{4}-/), from: '192.0.2.77' },
    });
  });

  it('shows no reuse when the session was revoked for another reason', async () => {
    const alice = await server.user();
    const other = await server.logIn(alice.email, alice.uuid);
    await other.query('mutation { logout { ended } }');
    expect((await familyOf(alice, alice, '(revoked: true)'))[0]).toMatchObject({ revokedReason: 'LOGOUT', reuse: null });
  });

  it('records a read receipt when another user reads the reuse', async () => {
    const [alice, admin] = [await server.user(), await server.user('ADMIN')];
    await refresh(await refresh(alice.refreshToken));
    await refresh(alice.refreshToken);
    await familyOf(admin, alice);
    const again = await server.logIn(alice.email, alice.uuid);
    const read = async () => {
      const { data } = await again.query('{ me { fieldReads { edges { node { field } } } } }');
      return data.me.fieldReads.edges.some(({ node }: { node: { field: string } }) => node.field === 'Token.reuse');
    };
    expect(await waitUntil(read)).toBe(true);
  });
});
