import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { loadConfiguredKeys } from '../../../src/identity/keys/configured-keys.ts';
import { removeKey } from '../../../src/identity/keys/rotate-keys.ts';
import { createVerifier } from '../src/create-verifier.ts';
import { codeOf, until } from './open-verifier.ts';
import { startRealServer } from './real-server.ts';

const real = await startRealServer();
const { server, url, token } = real;
const logout = 'mutation { logout { ended } }';
const refresh = 'mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }';

async function createTestVerifier(transport: 'sse' | 'websocket') {
  const verifier = await createVerifier({ url, token, transport });
  onTestFinished(verifier.close);
  return verifier;
}

describe.each(['sse', 'websocket'] as const)('a verifier of a real server, by %s', (transport) => {
  it('accepts the tokens of a session until it is revoked', async () => {
    const verifier = await createTestVerifier(transport);
    const [alice, bob] = [await server.user(), await server.user()];
    const claims = await verifier.verify(String(alice.accessToken));
    expect(claims).toMatchObject({ sub: alice.uuid, iss: url, aud: 'fieldgate' });
    await alice.query(logout);
    await until(async () => (await codeOf(verifier.verify(String(alice.accessToken)))) === 'ERR_TOKEN_REVOKED');
    expect(await codeOf(verifier.verify(String(bob.accessToken)))).toBe('accepted');
    const next = await bob.query(refresh, { input: { refreshToken: bob.refreshToken } });
    expect(await codeOf(verifier.verify(next.data.refresh.accessToken))).toBe('accepted');
  });

  it('rejects tokens of sessions in the snapshot', async () => {
    const alice = await server.user();
    await alice.query(logout);
    const verifier = await createTestVerifier(transport);
    expect(await codeOf(verifier.verify(String(alice.accessToken)))).toBe('ERR_TOKEN_REVOKED');
  });

  it('stays fresh while nothing happens', async () => {
    const verifier = await createTestVerifier(transport);
    const alice = await server.user();
    for (let times = 0; times < 20; times += 1) {
      expect(await codeOf(verifier.verify(String(alice.accessToken)))).toBe('accepted');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(verifier.state).toBe('following');
  });

  it('receives every one of many simultaneous revocations', async () => {
    const verifier = await createTestVerifier(transport);
    const member = await server.user();
    const people = await Promise.all(Array.from({ length: 18 }, () => server.logIn(member.email, member.uuid)));
    const tokens = people.map(({ accessToken }) => String(accessToken));
    for (const jwt of tokens) expect(await codeOf(verifier.verify(jwt))).toBe('accepted');
    await member.query('mutation { logoutEverywhere(input: { exceptCurrent: false }) { ended } }');
    await until(async () =>
      (await Promise.all(tokens.map((jwt) => codeOf(verifier.verify(jwt))))).every((code) => code === 'ERR_TOKEN_REVOKED'),
    );
  });
});

describe('a verifier of a real server', () => {
  it('is stale while the server is stopped, and catches up with missed revocations', async () => {
    const lines = [await createTestVerifier('sse'), await createTestVerifier('websocket')];
    const [alice, bob] = [await server.user(), await server.user()];
    await server.stop();
    for (const verifier of lines) await until(() => verifier.staleness() > 2_000);
    for (const verifier of lines) expect(await codeOf(verifier.verify(String(bob.accessToken)))).toBe('ERR_STALE');
    const elsewhere = await real.startNode();
    await fetch(`${elsewhere.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${alice.accessToken}` },
      body: JSON.stringify({ query: logout }),
    });
    await elsewhere.stop();
    const again = await real.startNode(real.port);
    afterAll(again.stop);
    for (const verifier of lines) {
      await until(() => verifier.state === 'following');
      expect(await codeOf(verifier.verify(String(alice.accessToken)))).toBe('ERR_TOKEN_REVOKED');
      expect(await codeOf(verifier.verify(String(bob.accessToken)))).toBe('accepted');
    }
  });

  it('learns of a revocation immediately by introspection with maxStaleness 0', async () => {
    const verifier = await createTestVerifier('sse');
    const alice = await server.user();
    const send = () => codeOf(verifier.verify(String(alice.accessToken), { maxStaleness: '0ms', onStale: 'introspect' }));
    expect(await send()).toBe('accepted');
    await alice.query(logout);
    expect(await send()).toBe('ERR_TOKEN_REVOKED');
  });

  it('rejects tokens of a removed key and accepts those of its successor', async () => {
    const verifier = await createTestVerifier('sse');
    const alice = await server.user();
    expect(await codeOf(verifier.verify(String(alice.accessToken)))).toBe('accepted');
    const [header = ''] = String(alice.accessToken).split('.');
    await removeKey(server.db, await loadConfiguredKeys(server.config), JSON.parse(Buffer.from(header, 'base64url').toString()).kid);
    await until(async () => (await codeOf(verifier.verify(String(alice.accessToken)))) === 'ERR_TOKEN_INVALID');
    const again = await server.logIn(alice.email, alice.uuid);
    await until(async () => (await codeOf(verifier.verify(String(again.accessToken)))) === 'accepted');
  });

  it('is rejected and stale once its API token is revoked', async () => {
    const lines = [await createTestVerifier('sse'), await createTestVerifier('websocket')];
    const follower = await server.logIn(real.follower.email, real.follower.uuid);
    await follower.query('mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { changed } }', {
      input: { id: real.tokenId },
    });
    for (const verifier of lines) {
      await until(() => verifier.problem?.code === 'ERR_REFUSED');
      expect(verifier.state).toBe('reconnecting');
    }
    expect(await codeOf(createVerifier({ url, token }))).toBe('ERR_REFUSED');
  });
});
