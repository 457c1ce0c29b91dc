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
  it('returns the subject, session and expiry of an active access token and nothing else', async () => {
    const alice = await server.user();
    const { jti, iat, exp, sid } = claimsOf(alice.accessToken);
    const { json, headers } = await introspect(alice.accessToken);
    const { PUBLIC_URL: iss, AUDIENCE: aud } = server.config;
    expect(json).toEqual({ active: true, iss, aud, sub: alice.uuid, sid, jti, iat, exp, token_type: 'Bearer' });
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('returns the scopes of an active API token', async () => {
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

  const invalidations: Record<string, (user: TestUser) => Promise<unknown>> = {
    revoked: (user) => user.query('mutation { logout { ended } }'),
    expired: (user) => prisma.token.updateMany({ where: { userId: user.uuid }, data: { expiresAt: past } }),
    'expired idle': (user) => prisma.token.updateMany({ where: { userId: user.uuid }, data: { idleExpiresAt: past } }),
    'of a disabled user': (user) => prisma.user.update({ where: { id: user.uuid }, data: { enabled: false } }),
    'of a deleted user': (user) => prisma.user.delete({ where: { id: user.uuid } }),
    'in an inactive domain': async (user) => {
      const { id } = await server.domain(`closed-${user.uuid}`);
      await prisma.token.updateMany({ where: { userId: user.uuid }, data: { domainId: id } });
      await prisma.domain.update({ where: { id }, data: { active: false } });
    },
  };

  it.each(Object.entries(invalidations))('returns only inactive for a token that is %s', async (_, end) => {
    const alice = await server.user();
    expect((await introspect(alice.accessToken)).json.active).toBe(true);
    await end(alice);
    expect(await introspect(alice.accessToken)).toMatchObject(inactive);
  });

  it('returns only inactive for a revoked or expired API token', async () => {
    for (const data of [{ revokedAt: past }, { expiresAt: past }]) {
      const token = await createTokenFor(server, (await server.user()).uuid, ['users:read']);
      await prisma.token.update({ where: { id: token.id }, data });
      expect(await introspect(token.secret)).toMatchObject(inactive);
    }
  });

  it('returns only inactive for unknown, malformed and foreign tokens and other kinds of tokens', async () => {
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
      `${alice.accessToken}\n`, // jose alone would accept trailing white space
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

  it('agrees with the API: a token is active here exactly if it is accepted there', async () => {
    const people = await Promise.all(Array.from({ length: 7 }, () => server.user()));
    const [alive, ...ended] = people;
    for (const [index, end] of Object.values(invalidations).slice(0, ended.length).entries()) await end(ended[index] as TestUser);
    expect((await introspect(alive?.accessToken)).json.active).toBe(true);
    for (const { accessToken: token } of people) {
      const { json } = await introspect(token);
      const { code } = await server.query('{ me { id } }', {}, { token });
      expect(json.active).toBe(code === undefined);
    }
  });

  it('rate-limits guesses of tokens but still answers for active ones', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    for (let index = 0; index < 200; index += 1)
      expect((await introspect(`fg_${'A'.repeat(40)}${100 + index}`, address)).status, String(index)).toBe(200); // guesses count for the caller's network
    await server.db.prisma.rateLimit.updateMany({ data: { count: 10_000 } });
    expect((await introspect(`fg_${'A'.repeat(43)}`, address)).status).toBe(429);
    expect((await introspect(alice.accessToken, address)).json.active).toBe(true);
  });
});
