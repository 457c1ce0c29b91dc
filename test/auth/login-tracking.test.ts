import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { startTestServer, type TestServer, type TestUser, uniqueAddress } from '../test-server.ts';

const server = await startTestServer();
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { token { createdFrom } } } }';
const query = graphql(`
  query Logins { me { loginCount currentLoginAt currentLoginFrom lastLoginAt lastLoginFrom } }
`);
const loginsOf = async (person: TestUser) => {
  const { me } = (await person.query(query)).data;
  if (!me) throw new Error('not authenticated');
  return me;
};
const logIn = (on: TestServer, { email, password }: Pick<TestUser, 'email' | 'password'>, address: string) =>
  on.query(login, { input: { email, password } }, { address });

describe('login tracking', () => {
  it('reports the first login as both the current and the last login', async () => {
    const alice = await server.user();
    const logins = await loginsOf(alice);
    expect(logins).toMatchObject({ loginCount: 1, currentLoginFrom: alice.address, lastLoginFrom: alice.address });
    expect(logins.lastLoginAt).toBe(logins.currentLoginAt);
  });

  it('reports the time and address of the previous login after the second', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    const first = await loginsOf(alice);
    await logIn(server, alice, address);
    const second = await loginsOf(alice);
    expect(second).toMatchObject({ loginCount: 2, currentLoginFrom: address, lastLoginFrom: alice.address });
    expect(second.lastLoginAt).toBe(first.currentLoginAt);
    expect(Date.parse(second.currentLoginAt ?? '')).toBeGreaterThan(Date.parse(first.currentLoginAt ?? ''));
  });

  it('ignores failed logins, refresh, reauthenticate and API tokens', async () => {
    const alice = await server.user();
    const before = await loginsOf(alice);
    await logIn(server, { ...alice, password: 'not the password at all' }, uniqueAddress());
    const { refreshToken } = alice;
    const refreshed = await server.query('mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }', {
      input: { refreshToken },
    });
    alice.accessToken = refreshed.data.refresh.accessToken;
    const mint = 'mutation { createApiToken(input: { description: "d", scopes: ["users:read"] }) { secret } }';
    const { secret: token } = (await alice.query(mint)).data.createApiToken;
    expect((await server.query(query, {}, { token })).data.me).toEqual(before);
    const again = 'mutation ($password: String!) { reauthenticate(input: { password: $password }) { accessToken } }';
    alice.accessToken = (await alice.query(again, { password: alice.password })).data.reauthenticate.accessToken;
    expect(await loginsOf(alice)).toEqual(before);
  });
});

describe('the client address of a login', () => {
  const seenBy = async (proxies: string) => {
    const behind = await startTestServer({ TRUSTED_PROXIES: proxies });
    const answer = await logIn(behind, await behind.user(), '192.0.2.1, 192.0.2.2, 192.0.2.3');
    await behind.close();
    return answer.data.login.token.createdFrom;
  };

  it.each([
    ['0', '127.0.0.1'],
    ['1', '192.0.2.3'],
    ['2', '192.0.2.2'],
  ])('is, behind %s trusted proxies, the entry that the outermost of them added to X-Forwarded-For: %s', async (proxies, address) => {
    expect(await seenBy(proxies)).toBe(address);
  });
});
