import { importJWK, type JWTPayload, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { generateKeys } from '../../src/identity/keys/configured-keys.ts';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { graphql } from '../generated/gql.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();

const meQuery = graphql(`query MeByBearerToken { me { id } }`);

const [jwk] = JSON.parse(server.config.JWT_KEYS ?? '');
const key = (await importJWK(jwk, 'EdDSA')) as CryptoKey;
const alice = await server.user();
const [header, payload, signature] = String(alice.accessToken).split('.').map(String);
const claims = JSON.parse(Buffer.from(String(payload), 'base64url').toString()) as JWTPayload & { exp: number; iat: number };

/** An access token of alice, with these claims changed; null leaves one out. */
function sign(changed: Record<string, unknown> = {}, protectedHeader: object = {}, signer: CryptoKey | Uint8Array = key) {
  const kept = Object.entries({ ...claims, ...changed }).filter(([, value]) => value !== null);
  return new SignJWT(Object.fromEntries(kept))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: jwk.kid, ...protectedHeader })
    .sign(signer);
}

const send = (token: string) => server.query(meQuery, {}, { token });
const withHeader = (authorization: string) => server.query(meQuery, {}, { headers: { authorization } });
const now = Math.floor(Date.now() / 1000);

describe('a bearer token', () => {
  it('identifies the caller; a request without one is anonymous', async () => {
    expect((await send(await sign())).data.me?.id).toBe(alice.id);
    expect((await withHeader(`bearer ${alice.accessToken}`)).data.me?.id).toBe(alice.id);
    expect((await server.query(meQuery)).data).toEqual({ me: null });
  });

  it('rejects the whole operation, public fields included, when it is malformed', async () => {
    const garbled = [
      '',
      'Bearer',
      'Bearer x',
      'Bearer a b',
      'Bearer ..',
      `Basic ${Buffer.from('a:b').toString('base64')}`,
      `Token ${alice.accessToken}`,
    ];
    const texts = [
      `${payload}.${signature}`,
      `${header}.${payload}.`,
      `${alice.accessToken}.`,
      `${alice.accessToken}\u00e9`,
      'A'.repeat(5_000),
    ];
    for (const authorization of [...garbled, ...texts.map((text) => `Bearer ${text}`)]) {
      const answer = await withHeader(authorization);
      expect(answer, authorization).toMatchObject({ status: 401, code: 'INVALID_TOKEN' });
      expect(answer).not.toHaveProperty('data');
    }
  });

  it('expires to the second', async () => {
    const token = await sign({ iat: now - 300, exp: now - 1 });
    expect(await send(token)).toMatchObject({ status: 401, code: 'TOKEN_EXPIRED' });
    const short = await sign({ exp: Math.floor(Date.now() / 1000) + 2 });
    expect((await send(short)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect(await send(short)).toMatchObject({ status: 401, code: 'TOKEN_EXPIRED' });
  });

  it('is rejected when it is a refresh token or is sent in the URL', async () => {
    expect(await send(alice.refreshToken)).toMatchObject({ status: 401, code: 'INVALID_TOKEN' });
    const response = await fetch(`${server.url}/graphql?access_token=${alice.accessToken}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ me { id } }' }),
    });
    expect(response.status).toBe(400);
  });

  it('ignores roles, ranks and scopes among its claims', async () => {
    const token = await sign({ roles: ['SUPERADMIN'], rank: 2, scope: 'users:read' });
    const { data } = await server.query('{ me { roles { role { name } } } users { totalCount } }', {}, { token });
    expect(data.users.totalCount).toBe(1);
  });
});

describe('signing key rotation', () => {
  it('signs with the new key and still accepts tokens signed with the old one', async () => {
    const bob = await server.user();
    const [next] = JSON.parse((await generateKeys()).JWT_KEYS);
    const config = { ...server.config, JWT_KEYS: JSON.stringify([next, jwk]) };
    const rotated = await startServer(config, createLogger('silent'), server.db);
    const post = async (query: string, authorization?: string) => {
      const headers = { 'content-type': 'application/json', ...(authorization && { authorization }) };
      return (await fetch(`${rotated.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })).json();
    };
    const known = await post('{ me { id } }', `Bearer ${bob.accessToken}`);
    const refreshed = await post(`mutation { refresh(input: { refreshToken: "${bob.refreshToken}" }) { accessToken } }`);
    await rotated.stop();
    const { kid } = JSON.parse(Buffer.from(refreshed.data.refresh.accessToken.split('.')[0], 'base64url').toString());
    expect([known.data.me.id, kid]).toEqual([bob.id, next.kid]);
    expect(await send(refreshed.data.refresh.accessToken)).toMatchObject({ status: 401, code: 'INVALID_TOKEN' });
  });
});
