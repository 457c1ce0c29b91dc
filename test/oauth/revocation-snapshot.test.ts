import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';
import { readRevocations, resourceServer } from '../token/revocation-log.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');
const subscriber = await resourceServer(server);
const sidOf = (person: Pick<TestUser, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');
const logOut = (person: TestUser) => person.query('mutation { logout { ended } }');

const snapshot = (authorization?: string) =>
  fetch(`${server.url}/revocations/snapshot`, { headers: { 'x-forwarded-for': uniqueAddress(), ...(authorization && { authorization }) } });

const shared = 1_000; // milliseconds for which a snapshot is cached

async function read(authorization = `Bearer ${subscriber.token}`) {
  await new Promise((resolve) => setTimeout(resolve, shared + 50));
  const jwt = await (await snapshot(authorization)).text();
  const keys = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as JSONWebKeySet;
  const { payload, protectedHeader } = await jwtVerify(jwt, createLocalJWKSet(keys), {
    issuer: server.config.PUBLIC_URL,
    audience: server.config.AUDIENCE,
    typ: 'revocations+jwt',
  });
  return { ...(payload as { cursor: string; lifetime: number; revoked: [string, number][]; iat: number; exp: number }), protectedHeader };
}

describe('the revocation snapshot', () => {
  it('is signed, valid for a minute, and contains the lifetime of its entries', async () => {
    const { iat, exp, lifetime, protectedHeader } = await read();
    expect([exp - iat, lifetime >= 900, protectedHeader.alg]).toEqual([60, true, 'EdDSA']);
  });

  it('contains exactly the revocations whose access tokens may still be unexpired', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    await logOut(alice);
    await logOut(bob);
    await server.db.prisma.tokenRevocation.updateMany({
      where: { tokenId: sidOf(bob) },
      data: { revokedAt: new Date(Date.now() - 17 * 60_000) },
    });
    const { revoked } = await read();
    const sids = revoked.map(([sid]) => sid);
    expect([sids.includes(sidOf(alice)), sids.includes(sidOf(bob))]).toEqual([true, false]);
    expect(Math.abs((revoked.find(([sid]) => sid === sidOf(alice))?.[1] ?? 0) - Date.now() / 1000)).toBeLessThan(60);
  });

  it('contains the cursor after which newer revocations follow', async () => {
    const { cursor, revoked } = await read();
    const alice = await server.user();
    await logOut(alice);
    const after = await readRevocations(superadmin, 'all: true', cursor);
    expect([after.map(({ sid }) => sid), revoked.some(([sid]) => sid === sidOf(alice))]).toEqual([[sidOf(alice)], false]);
    expect(await readRevocations(superadmin, 'all: true', (await read()).cursor)).toEqual([]);
  });

  it('is created once for concurrent requests', async () => {
    await read();
    const texts = await Promise.all(Array.from({ length: 5 }, async () => (await snapshot(`Bearer ${subscriber.token}`)).text()));
    expect(new Set(texts).size).toBe(1);
  });

  it('requires the permission to follow all revocations', async () => {
    const strangers = [
      (await server.user()).accessToken,
      (await server.user('ADMIN')).accessToken,
      (await resourceServer(server, ['tokens:read'])).token,
      (await resourceServer(server, ['tokens:follow'], ['tokens:read'])).token,
    ];
    for (const token of strangers) expect((await snapshot(`Bearer ${token}`)).status).toBe(403);
    for (const authorization of [undefined, 'Bearer rubbish', 'Basic eDp5'])
      expect((await snapshot(authorization)).status, authorization).toBe(401);
  });
});
