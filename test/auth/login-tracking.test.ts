import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { newAddress, open, type Person, type World } from '../test-server.ts';

const world = await open();
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { token { createdFrom } } } }';
const query = graphql(`
  query Logins { me { loginCount currentLoginAt currentLoginFrom lastLoginAt lastLoginFrom } }
`);
const loginsOf = async (person: Person) => {
  const { me } = (await person.ask(query)).data;
  if (!me) throw new Error('nobody');
  return me;
};
const enter = (on: World, { email, password }: Pick<Person, 'email' | 'password'>, address: string) =>
  on.send(login, { input: { email, password } }, { address });

describe('the tracking of logins', () => {
  it('says after the first that the one before was the same', async () => {
    const alice = await world.user();
    const logins = await loginsOf(alice);
    expect(logins).toMatchObject({ loginCount: 1, currentLoginFrom: alice.address, lastLoginFrom: alice.address });
    expect(logins.lastLoginAt).toBe(logins.currentLoginAt);
  });

  it('says after a later one when and from where the one before was', async () => {
    const [alice, address] = [await world.user(), newAddress()];
    const first = await loginsOf(alice);
    await enter(world, alice, address);
    const second = await loginsOf(alice);
    expect(second).toMatchObject({ loginCount: 2, currentLoginFrom: address, lastLoginFrom: alice.address });
    expect(second.lastLoginAt).toBe(first.currentLoginAt);
    expect(Date.parse(second.currentLoginAt ?? '')).toBeGreaterThan(Date.parse(first.currentLoginAt ?? ''));
  });

  it('counts no failed login, no refresh, no new proof and no use of an API token', async () => {
    const alice = await world.user();
    const before = await loginsOf(alice);
    await enter(world, { ...alice, password: 'not the password at all' }, newAddress());
    const { refreshToken } = alice;
    const refreshed = await world.send('mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }', {
      input: { refreshToken },
    });
    alice.accessToken = refreshed.data.refresh.accessToken;
    const mint = 'mutation { createApiToken(input: { description: "d", scopes: ["users:read"] }) { secret } }';
    const { secret: token } = (await alice.ask(mint)).data.createApiToken;
    expect((await world.send(query, {}, { token })).data.me).toEqual(before);
    const again = 'mutation ($password: String!) { reauthenticate(input: { password: $password }) { accessToken } }';
    alice.accessToken = (await alice.ask(again, { password: alice.password })).data.reauthenticate.accessToken;
    expect(await loginsOf(alice)).toEqual(before);
  });
});

describe('the address that a login came from', () => {
  const seenBy = async (proxies: string) => {
    const behind = await open({ TRUSTED_PROXIES: proxies });
    const answer = await enter(behind, await behind.user(), '192.0.2.1, 192.0.2.2, 192.0.2.3');
    await behind.close();
    return answer.data.login.token.createdFrom;
  };

  it.each([
    ['0', '127.0.0.1'],
    ['1', '192.0.2.3'],
    ['2', '192.0.2.2'],
  ])('is, behind %s trusted proxies, what they say, and nothing that stands before it: %s', async (proxies, address) => {
    expect(await seenBy(proxies)).toBe(address);
  });
});
