import { importJWK, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { apiToken, post } from '../oauth/endpoint-client.ts';
import { startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';
import { rawSocket } from '../transport/raw-client.ts';
import { requestEvents } from './revocation-stream.ts';

const server = await startTestServer();
const [jwk] = JSON.parse(server.config.JWT_KEYS ?? '');
const key = (await importJWK(jwk, 'EdDSA')) as CryptoKey;
const [alice, bob, root] = [await server.user(), await server.user(), await server.user('SUPERADMIN')];
const follow = 'subscription { tokenRevoked { sid } }';

/** The access token of a session with another user as its subject, signed by the key of the server. */
function withSubject({ accessToken }: TestUser, sub: string) {
  const claims = JSON.parse(Buffer.from(String(accessToken).split('.')[1] ?? '', 'base64url').toString());
  return new SignJWT({ ...claims, sub }).setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: jwk.kid }).sign(key);
}

const mismatched = await Promise.all([
  withSubject(alice, bob.uuid),
  withSubject(alice, root.uuid),
  withSubject(root, alice.uuid),
  withSubject(alice, crypto.randomUUID()),
]);

describe('an access token whose subject is not the owner of its session', () => {
  it('is rejected by operations over HTTP like any invalid token', async () => {
    expect((await server.query('{ me { id } }', {}, { token: await withSubject(alice, alice.uuid) })).data.me.id).toBe(alice.id);
    for (const token of mismatched) {
      for (const document of ['{ me { id } }', '{ __typename }', 'mutation { logout { ended } }']) {
        const answer = await server.query(document, {}, { token });
        expect(answer).toMatchObject({ status: 401, code: 'INVALID_TOKEN' });
        expect(answer).not.toHaveProperty('data');
      }
    }
    expect((await alice.query('{ me { id } }')).data.me.id).toBe(alice.id);
  });

  it('is rejected by a WebSocket, at the start and as a renewal', async () => {
    for (const token of mismatched) {
      const line = await rawSocket(server);
      line.send({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } });
      expect((await line.closed).code).toBe(4403);
      const open = await rawSocket(server);
      await open.init(alice.accessToken);
      open.send({ type: 'ping', payload: { authorization: `Bearer ${token}` } });
      expect((await open.closed).code).toBe(4403);
    }
  });

  it('is rejected by server-sent events', async () => {
    for (const token of mismatched) {
      const answer = await requestEvents(server, token, { query: follow });
      expect([answer.status, await answer.text()]).toEqual([401, expect.stringContaining('INVALID_TOKEN')]);
    }
  });

  it('is inactive for introspection and revokes nothing', async () => {
    const { secret } = await apiToken(server, ['tokens:introspect', 'tokens:revoke']);
    for (const token of mismatched) {
      expect((await post(server, '/oauth/introspect', `token=${token}`, { token: secret })).json).toEqual({ active: false });
      expect((await post(server, '/oauth/revoke', `token=${token}`, { token: secret })).status).toBe(200);
    }
    for (const { query } of [alice, bob, root]) expect((await query('{ me { id } }')).code).toBeUndefined();
  });

  it('is rejected as the bearer token of every endpoint', async () => {
    for (const path of ['/oauth/introspect', '/oauth/revoke'])
      for (const token of mismatched) expect((await post(server, path, 'token=x', { token })).status).toBe(401);
    const headers = { authorization: `Bearer ${mismatched[0]}`, 'x-forwarded-for': uniqueAddress() };
    expect((await fetch(`${server.url}/revocations/snapshot`, { headers })).status).toBe(401);
    const poll = await post(server, '/events/poll', '{}', {
      token: String(mismatched[0]),
      headers: { 'content-type': 'application/json' },
    });
    expect(poll.status).toBe(401);
  });
});
