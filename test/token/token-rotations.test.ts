import { describe, expect, it } from 'vitest';
import { open, type Person, until } from '../test-server.ts';

const world = await open();

const refresh = async (refreshToken: string) =>
  (
    await world.send(
      'mutation ($input: RefreshInput!) { refresh(input: $input) { refreshToken } }',
      { input: { refreshToken } },
      { address: '192.0.2.77' },
    )
  ).data?.refresh?.refreshToken as string;

const familyOf = async (by: Person, user: Person, args = '') => {
  const { data } = await by.ask(
    `query ($id: ID!) { user(id: $id) { tokens${args} { edges { node { id kind device description current rotations createdFrom reuse { at from } revokedReason } } } } }`,
    { id: user.id },
  );
  return data.user.tokens.edges.map(({ node }: { node: object }) => node);
};

describe('a session in the token list of its owner', () => {
  it('shows the device and the number of rotations', async () => {
    const alice = await world.user();
    const { data } = await world.send(
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
    const alice = await world.user();
    const next = await refresh(alice.refreshToken);
    expect(await refresh(alice.refreshToken)).toBe(next);
    expect((await familyOf(alice, alice))[0]).toMatchObject({ rotations: 1 });
  });

  it('shows when and from where a refresh token was reused', async () => {
    const alice = await world.user();
    const stolen = await world.signIn(alice.email, alice.uuid);
    await refresh(await refresh(stolen.refreshToken));
    await refresh(stolen.refreshToken);
    const [family] = await familyOf(alice, alice, '(revoked: true)');
    expect(family).toMatchObject({
      revokedReason: 'REUSE_DETECTED',
      reuse: { at: expect.stringMatching(/^\d{4}-/), from: '192.0.2.77' },
    });
  });

  it('shows no reuse when the session was revoked for another reason', async () => {
    const alice = await world.user();
    const other = await world.signIn(alice.email, alice.uuid);
    await other.ask('mutation { logout { ended } }');
    expect((await familyOf(alice, alice, '(revoked: true)'))[0]).toMatchObject({ revokedReason: 'LOGOUT', reuse: null });
  });

  it('records a read receipt when another user reads the reuse', async () => {
    const [alice, admin] = [await world.user(), await world.user('ADMIN')];
    await refresh(await refresh(alice.refreshToken));
    await refresh(alice.refreshToken);
    await familyOf(admin, alice);
    const again = await world.signIn(alice.email, alice.uuid);
    const read = async () => {
      const { data } = await again.ask('{ me { fieldReads { edges { node { field } } } } }');
      return data.me.fieldReads.edges.some(({ node }: { node: { field: string } }) => node.field === 'Token.reuse');
    };
    expect(await until(read)).toBe(true);
  });
});
