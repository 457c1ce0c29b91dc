import { importJWK, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';
import { apiToken, createTokenFor, post } from './endpoint-client.ts';

const server = await startTestServer();
const { prisma } = server.db;
const { secret } = await apiToken(server, ['tokens:introspect']);

const introspect = (token: string | undefined, address = uniqueAddress()) =>
  post(server, '/oauth/introspect', `token=${encodeURIComponent(String(token))}`, { token: secret, address });
const claimsOf = (token: string | undefined) => JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString());
const past = new Date(Date.now() - 1_000);
const inactive = { status: 200, text: '{"active":false}' };

describe('POST /oauth/introspect', () => {
  it('says whose a live access token is and until when it holds, and nothing else of them', async () => {
    const alice = await server.user();
    const { jti, iat, exp, sid } = claimsOf(alice.accessToken);
    const { json, headers } = await introspect(alice.accessToken);
    const { PUBLIC_URL: iss, AUDIENCE: aud } = server.config;
    expect(json).toEqual({ active: true, iss, aud, sub: alice.uuid, sid, jti, iat, exp, token_type: 'Bearer' });
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('says what a live API token is for', async () => {
    const bob = await server.user();
    const token = await createTokenFor(server, bob.uuid, ['users:read', 'roles:read']);
    const { expiresAt, createdAt } = await prisma.token.findUniqueOrThrow({ where: { id: token.id } });
    expect((await introspect(token.secret)).json).toMatchObject({
      active: true,
      sub: bob.uuid,
      sid: token.id,
      jti: token.id,
      scope: 'users:read roles:read',
      exp: Math.floor(expiresAt.getTime() / 1_000),
      iat: Math.floor(createdAt.getTime() / 1_000),
    });
  });

  const ended: Record<string, (who: TestUser) => Promise<unknown>> = {
    revoked: (who) => who.query('mutation { logout { ended } }'),
    expired: (who) => prisma.token.updateMany({ where: { userId: who.uuid }, data: { expiresAt: past } }),
    'expired idle': (who) => prisma.token.updateMany({ where: { userId: who.uuid }, data: { idleExpiresAt: past } }),
    "a disabled user's": (who) => prisma.user.update({ where: { id: who.uuid }, data: { enabled: false } }),
    "a deleted user's": (who) => prisma.user.delete({ where: { id: who.uuid } }),
    'entered through a domain that is shut': async (who) => {
      const { id } = await server.domain(`shut-${who.uuid}`);
      await prisma.token.updateMany({ where: { userId: who.uuid }, data: { domainId: id } });
      await prisma.domain.update({ where: { id }, data: { active: false } });
    },
  };

  it.each(Object.entries(ended))('says no more than inactive of a token that is %s', async (_, end) => {
    const alice = await server.user();
    expect((await introspect(alice.accessToken)).json.active).toBe(true);
    await end(alice);
    expect(await introspect(alice.accessToken)).toMatchObject(inactive);
  });

  it('says the same of an API token', async () => {
    for (const data of [{ revokedAt: past }, { expiresAt: past }]) {
      const token = await createTokenFor(server, (await server.user()).uuid, ['users:read']);
      await prisma.token.update({ where: { id: token.id }, data });
      expect(await introspect(token.secret)).toMatchObject(inactive);
    }
  });

  it('says no more than inactive of what is unknown, malformed, foreign or no access token', async () => {
    const alice = await server.user();
    const [jwk] = JSON.parse(server.config.JWT_KEYS ?? '');
    const claims = claimsOf(alice.accessToken);
    const sign = async (changed: object, typ = 'at+jwt') =>
      new SignJWT({ ...claims, ...changed }).setProtectedHeader({ alg: 'EdDSA', typ, kid: jwk.kid }).sign(await importJWK(jwk, 'EdDSA'));
    const none = [
      `fg_${'A'.repeat(43)}`,
      'fg_short',
      'garbage',
      '\u0000\u00e9',
      alice.refreshToken,
      `${alice.accessToken}x`,
      `${alice.accessToken}\n`, // jose lets pass what it takes for white space (security.md, LAB 11)
      ` ${alice.accessToken}`,
      `${alice.accessToken}=`,
      await sign({ aud: 'another' }),
      await sign({ iss: 'https://elsewhere.example' }),
      await sign({ exp: claims.iat - 1 }),
      await sign({}, 'secevent+jwt'),
      await sign({ sid: crypto.randomUUID() }),
    ];
    for (const token of none) expect(await introspect(token), token).toMatchObject(inactive);
    expect((await introspect(await sign({}))).json.active).toBe(true);
  });

  it('stands for the API: what it calls active the API takes, what it does not the API refuses', async () => {
    const people = await Promise.all(Array.from({ length: 6 }, () => server.user()));
    for (const [index, end] of Object.values(ended).entries()) if (index % 2) await end(people[index] as TestUser);
    for (const { accessToken: token } of people) {
      const { json } = await introspect(token);
      const { code } = await server.query('{ me { id } }', {}, { token });
      if (json.active) expect(code).toBeUndefined();
    }
  });

  it('slows down whoever looks for tokens by it, and still answers for those that are live', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    for (let index = 0; index < 200; index += 1)
      expect((await introspect(`fg_${'A'.repeat(40)}${100 + index}`, address)).status, String(index)).toBe(200); // it passes on what it is shown
    await server.db.prisma.throttle.updateMany({ data: { count: 10_000 } });
    expect((await introspect(`fg_${'A'.repeat(43)}`, address)).status).toBe(429);
    expect((await introspect(alice.accessToken, address)).json.active).toBe(true);
  });
});
