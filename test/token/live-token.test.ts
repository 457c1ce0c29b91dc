import { describe, expect, it } from 'vitest';
import { apiToken, post } from '../oauth/endpoint-client.ts';
import { startTestServer, type TestUser } from '../test-server.ts';
import { rawSocket } from '../transport/raw-client.ts';
import { follow } from './revocation-stream.ts';

const server = await startTestServer({ REQUIRE_EMAIL_CONFIRMATION: 'true' });
const { prisma } = server.db;
const { secret } = await apiToken(server, ['tokens:introspect']);
const past = new Date(Date.now() - 1_000);
const sidOf = ({ tokenId }: TestUser) => Buffer.from(tokenId, 'base64').toString().replace('Token:', '');
const updateSession = (user: TestUser, data: object) => prisma.token.update({ where: { id: sidOf(user) }, data });

/** A session in a domain of its own, in which the user has a role; `parent` is above it. */
async function enterDomain(user: TestUser) {
  const parent = await server.domain(`parent-${user.uuid}`);
  const { id, name } = await server.domain(`child-${user.uuid}`, parent.name);
  const { id: grantId } = await server.grant(user.uuid, 'USER', name);
  await prisma.roleGrant.deleteMany({ where: { userId: user.uuid, domainId: null } });
  await updateSession(user, { domainId: id });
  return { id, parentId: parent.id, grantId };
}

/** Everything that ends a session without revoking it, and the code of its access token afterwards. */
const ends: Record<string, readonly [(user: TestUser) => Promise<unknown>, string]> = {
  'has expired': [(user) => updateSession(user, { expiresAt: past }), 'TOKEN_EXPIRED'],
  'has been idle for too long': [(user) => updateSession(user, { idleExpiresAt: past }), 'TOKEN_EXPIRED'],
  'has a disabled owner': [(user) => prisma.user.update({ where: { id: user.uuid }, data: { enabled: false } }), 'ACCOUNT_DISABLED'],
  'has a deleted owner': [(user) => prisma.user.update({ where: { id: user.uuid }, data: { deletedAt: past } }), 'ACCOUNT_DISABLED'],
  'is in a disabled domain': [
    async (user) => prisma.domain.update({ where: { id: (await enterDomain(user)).id }, data: { active: false } }),
    'DOMAIN_ACCESS_DENIED',
  ],
  'is in a domain below a disabled one': [
    async (user) => prisma.domain.update({ where: { id: (await enterDomain(user)).parentId }, data: { active: false } }),
    'DOMAIN_ACCESS_DENIED',
  ],
  'is in a domain in which the last grant has expired': [
    async (user) => prisma.roleGrant.update({ where: { id: (await enterDomain(user)).grantId }, data: { expiresAt: past } }),
    'DOMAIN_ACCESS_DENIED',
  ],
};

describe.each(Object.entries(ends))('a session that %s', (_, [end, code]) => {
  it('is rejected alike by the API over HTTP and WebSocket, introspection and refresh', async () => {
    const user = await server.user();
    expect((await user.query('{ me { id } }')).data.me.id).toBe(user.id);
    await end(user);
    expect((await user.query('{ me { id } }')).code).toBe(code);
    const line = await rawSocket(server);
    line.send({ type: 'connection_init', payload: { authorization: `Bearer ${user.accessToken}` } });
    expect((await line.closed).code).toBe(4403);
    expect((await post(server, '/oauth/introspect', `token=${user.accessToken}`, { token: secret })).json).toEqual({ active: false });
    const input = { refreshToken: user.refreshToken };
    const { code: refused } = await server.query('mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }', { input });
    expect(refused).toBe('INVALID_TOKEN');
  });

  it('does not get the successor of a refresh token again', async () => {
    const user = await server.user();
    const refresh = () =>
      server.query('mutation ($input: RefreshInput!) { refresh(input: $input) { refreshToken } }', {
        input: { refreshToken: user.refreshToken },
      });
    const first = await refresh();
    expect((await refresh()).data).toEqual(first.data);
    await end(user);
    expect((await refresh()).data).toBeNull();
  });
});

describe('a session that has been idle for too long', () => {
  it('is not revoked by logoutEverywhere or revokeToken, and frees its place among the 20 sessions', async () => {
    const user = await server.user();
    const idle = await server.newSession(user);
    await updateSession(idle, { idleExpiresAt: past, lastUsedAt: new Date(Date.now() + 60_000) });
    const { data } = await user.query('mutation ($id: ID!) { revokeToken(input: { id: $id }) { changed } }', { id: idle.tokenId });
    expect(data.revokeToken.changed).toBe(false);
    expect((await user.query('mutation { logoutEverywhere(input: { exceptCurrent: true }) { ended } }')).data.logoutEverywhere.ended).toBe(
      0,
    );
    for (let count = 1; count < 20; count += 1) await server.newSession(user);
    await server.logIn(user.email, user.uuid);
    expect(await prisma.tokenRevocation.count({ where: { userId: user.uuid, reason: 'SESSION_LIMIT' } })).toBe(1);
  });
});

describe('an access token', () => {
  it('expires with its session at the latest, so that offline verifiers reject it too', async () => {
    for (const column of ['expiresAt', 'idleExpiresAt']) {
      const user = await server.user();
      const end = new Date(Math.floor(Date.now() / 1_000 + 60) * 1_000);
      if (column === 'expiresAt') await updateSession(user, { expiresAt: end });
      const { data } = await server.query('mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken expiresAt } }', {
        input: { refreshToken: user.refreshToken },
      });
      const { exp } = JSON.parse(Buffer.from(data.refresh.accessToken.split('.')[1], 'base64url').toString());
      if (column === 'expiresAt') expect(exp * 1_000).toBe(end.getTime());
      expect(Date.parse(data.refresh.expiresAt)).toBe(exp * 1_000);
    }
  });

  it('does not extend the idle time of its session: only a refresh does', async () => {
    const user = await server.user();
    const read = () => prisma.token.findUniqueOrThrow({ where: { id: sidOf(user) }, select: { idleExpiresAt: true, lastUsedAt: true } });
    const before = await read();
    await user.query('{ me { id } }');
    await user.query('mutation { setSetting(input: { key: "theme", value: "dark" }) { setting { key } } }');
    expect(await read()).toEqual(before);
  });
});

describe('an API token', () => {
  it('is not counted among the 50 of its owner once it has expired', async () => {
    const user = await server.user();
    const ends = new Date(Date.now() + 3_600_000);
    const row = { kind: 'API' as const, userId: user.uuid, expiresAt: ends, idleExpiresAt: ends };
    const tokens = await prisma.token.createManyAndReturn({ data: Array(50).fill(row) });
    const create = () => user.query('mutation { createApiToken(input: { description: "one more", scopes: ["users:read"] }) { secret } }');
    expect((await create()).code).toBe('INVALID_INPUT');
    await prisma.token.update({ where: { id: tokens[0]?.id ?? '' }, data: { expiresAt: past, idleExpiresAt: past } });
    expect((await create()).code).toBeUndefined();
  });
});

describe('a subscription', () => {
  it.each(['WebSocket', 'server-sent events'] as const)(
    'over %s ends with the idle time of its session',
    async (transport) => {
      const short = await startTestServer({ REFRESH_TOKEN_IDLE: '8s', ACCESS_TOKEN_TTL: '5m' });
      const stream = await follow(short, (await short.user()).accessToken, '', transport);
      expect(await stream.closed).toMatch(transport === 'WebSocket' ? /^4403/ : /^complete$/);
      await short.close();
    },
    30_000,
  );
});
