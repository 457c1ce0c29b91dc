import { describe, expect, it } from 'vitest';
import { lockUser, openHolder } from '../races/hold.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser, uniqueAddress, waitUntil } from '../test-server.ts';
import { follow } from '../token/revocation-stream.ts';
import { apiToken, createTokenFor, post } from './endpoint-client.ts';

const server = await startTestServer();
const { prisma } = server.db;
const program = await apiToken(server, ['tokens:revoke']);

const revoke = (token: string | undefined, more = '') =>
  post(server, '/oauth/revoke', `token=${encodeURIComponent(String(token))}${more}`, { token: program.secret });
const codeOf = async (token: string | undefined) => (await server.query('{ me { id } }', {}, { token })).code;
const refresh = async ({ refreshToken }: Pick<TestUser, 'refreshToken'>) =>
  server.query('mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken refreshToken } }', { input: { refreshToken } });
const recordsOf = (person: TestUser) => prisma.tokenRevocation.findMany({ where: { userId: person.uuid } });

describe('POST /oauth/revoke', () => {
  it('revokes the session of an access token together with its refresh token', async () => {
    const alice = await server.user();
    expect(await revoke(alice.accessToken)).toMatchObject({ status: 200, text: '' });
    expect([await codeOf(alice.accessToken), (await refresh(alice)).code]).toEqual(['TOKEN_REVOKED', 'INVALID_TOKEN']);
  });

  it('revokes the session of a refresh token together with its access tokens', async () => {
    const alice = await server.user();
    await revoke(alice.refreshToken);
    expect([await codeOf(alice.accessToken), (await refresh(alice)).code]).toEqual(['TOKEN_REVOKED', 'INVALID_TOKEN']);
  });

  it('revokes the session of a refresh token that has been rotated', async () => {
    const alice = await server.user();
    const { data } = await refresh(alice);
    await revoke(alice.refreshToken);
    expect([await codeOf(data.refresh.accessToken), (await refresh(data.refresh)).code]).toEqual(['TOKEN_REVOKED', 'INVALID_TOKEN']);
  });

  it('revokes an API token, including the one of the request', async () => {
    const bob = await server.user();
    const token = await createTokenFor(server, bob.uuid, ['users:read']);
    await revoke(token.secret);
    expect([await codeOf(token.secret), await codeOf(bob.accessToken)]).toEqual(['TOKEN_REVOKED', undefined]);
    const own = await createTokenFor(server, program.owner.uuid, ['tokens:revoke']);
    expect((await post(server, '/oauth/revoke', `token=${own.secret}`, { token: own.secret })).status).toBe(200);
    expect(await prisma.tokenRevocation.findMany({ where: { tokenId: own.id } })).toMatchObject([
      { reason: 'USER_REVOKED', initiator: 'USER' },
    ]);
  });

  it('finds the token regardless of token_type_hint', async () => {
    for (const hint of ['access_token', 'refresh_token', 'api_token', 'pat', '']) {
      const alice = await server.user();
      const token = hint === 'access_token' ? alice.refreshToken : alice.accessToken;
      expect((await revoke(token, `&token_type_hint=${hint}`)).status).toBe(200);
      expect(await codeOf(alice.accessToken)).toBe('TOKEN_REVOKED');
    }
  });

  it('returns 200 for unknown, revoked and malformed tokens and changes nothing', async () => {
    const alice = await server.user();
    await revoke(alice.accessToken);
    const before = await prisma.tokenRevocation.count();
    const [header, payload] = String(alice.accessToken).split('.');
    const none = [
      alice.accessToken,
      alice.refreshToken,
      `fg_${'A'.repeat(43)}`,
      `fgr_${'A'.repeat(43)}`,
      'ya29.a0AfH6SMC',
      `${header}.${payload}.AAAA`,
      `${server.url} \u00e9\u0000`,
      alice.uuid,
      alice.tokenId,
    ];
    for (const token of none) expect(await revoke(token), String(token)).toMatchObject({ status: 200, text: '' });
    expect(await prisma.tokenRevocation.count()).toBe(before);
  });

  it('does not revoke a token whose prefix was exchanged', async () => {
    const alice = await server.user();
    const token = await createTokenFor(server, alice.uuid, ['users:read']);
    await revoke(alice.refreshToken.replace('fgr_', 'fg_'));
    await revoke(token.secret.replace('fg_', 'fgr_'));
    expect([await codeOf(alice.accessToken), await codeOf(token.secret)]).toEqual([undefined, undefined]);
  });

  it('records and streams the revocation like any other', async () => {
    const alice = await server.user();
    const stream = await follow(server, alice.accessToken);
    await revoke(alice.accessToken);
    await waitUntil(() => stream.sids.length);
    expect(await recordsOf(alice)).toMatchObject([{ reason: 'ADMIN_REVOKED', initiator: 'ADMIN', actorId: program.owner.uuid }]);
    const audited = await prisma.auditEvent.findMany({ where: { userId: alice.uuid, action: 'session_revoked' } });
    expect(audited).toMatchObject([
      { actorId: program.owner.uuid, actorTokenId: program.id, reason: 'ADMIN_REVOKED', targetType: 'Token' },
    ]);
    stream.leave();
  });

  it('revokes a token once when it is called 10 times concurrently', async () => {
    const alice = await server.user();
    const answers = await Promise.all(Array.from({ length: 10 }, () => revoke(alice.accessToken)));
    expect([new Set(answers.map(({ status }) => status)), (await recordsOf(alice)).length]).toEqual([new Set([200]), 1]);
  });

  it('rate-limits guesses of tokens but still revokes active ones', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    const guess = (token: string) => post(server, '/oauth/revoke', `token=${token}`, { token: program.secret, address });
    for (let index = 0; index < 200; index += 1) expect((await guess(`fgr_${'A'.repeat(40)}${100 + index}`)).status).toBe(200);
    await prisma.rateLimit.updateMany({ data: { count: 10_000 } });
    expect((await guess(`fgr_${'A'.repeat(43)}`)).status).toBe(429);
    expect([(await guess(String(alice.accessToken))).status, await codeOf(alice.accessToken)]).toEqual([200, 'TOKEN_REVOKED']);
  });

  it('rejects a caller whose permission was revoked, even with the same token', async () => {
    const [alice, other] = [await server.user(), await apiToken(server, ['tokens:revoke'])];
    await prisma.roleGrant.deleteMany({ where: { userId: other.owner.uuid, role: { builtIn: false } } });
    expect((await post(server, '/oauth/revoke', `token=${alice.accessToken}`, { token: other.secret })).status).toBe(403);
    expect(await codeOf(alice.accessToken)).toBeUndefined();
  });
});

/** What may happen to the caller between the authentication and the revocation: the statement, with the ids of the token and its owner. */
const losses: Record<string, readonly [statement: string, status: number]> = {
  'its token is revoked': [`update "Token" set "revokedAt" = now(), "revokedReason" = 'LOGOUT' where id = $1 and "userId" = $2`, 401],
  'its token is purged': ['delete from "Token" where id = $1 and "userId" = $2', 401],
  'its owner loses the role': ['delete from "RoleGrant" g using "Token" t where t.id = $1 and g."userId" = $2', 403],
};

/** The embedded database has one connection, so no request is ever between two statements of another one. */
describe.skipIf(isEmbedded)('POST /oauth/revoke that waits for a lock', () => {
  it.each(Object.entries(losses))('revokes nothing if %s meanwhile', async (_, [statement, status]) => {
    const [alice, { id, secret, owner }] = [await server.user(), await apiToken(server, ['tokens:revoke'])];
    const holder = await openHolder(server);
    const send = () => post(server, '/oauth/revoke', `token=${alice.accessToken}`, { token: secret });
    const response = await holder.changeDuring(lockUser(owner.uuid), send, [statement, [id, owner.uuid]]);
    await holder.close();
    expect(response.status).toBe(status);
    expect(await codeOf(alice.accessToken)).toBeUndefined();
  });
});

describe('POST /oauth/revoke by the owner of a refresh token', () => {
  const revokeOwn = (token: string, more: { token?: string | undefined; address?: string } = {}) =>
    post(server, '/oauth/revoke', `token=${token}&token_type_hint=refresh_token`, more);

  it('revokes the session without a bearer token, as a public client', async () => {
    const alice = await server.user();
    expect(await revokeOwn(alice.refreshToken)).toMatchObject({ status: 200, text: '' });
    expect([await codeOf(alice.accessToken), (await refresh(alice)).code]).toEqual(['TOKEN_REVOKED', 'INVALID_TOKEN']);
    expect(await recordsOf(alice)).toMatchObject([{ reason: 'USER_REVOKED', initiator: 'USER', actorId: alice.uuid }]);
    expect(await revokeOwn(alice.refreshToken)).toMatchObject({ status: 200, text: '' });
  });

  it('revokes the session with a session of the owner, and nothing with one of another user', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    expect((await revokeOwn(alice.refreshToken, { token: bob.accessToken })).status).toBe(200);
    expect(await codeOf(alice.accessToken)).toBeUndefined();
    await revokeOwn(alice.refreshToken, { token: alice.accessToken });
    expect(await codeOf(alice.accessToken)).toBe('TOKEN_REVOKED');
  });

  it('accepts no other kind of token, and no bad bearer token', async () => {
    const alice = await server.user();
    const token = await createTokenFor(server, alice.uuid, ['users:read']);
    for (const other of [String(alice.accessToken), token.secret, 'x', alice.tokenId])
      expect((await revokeOwn(other)).status, other).toBe(401);
    expect((await revokeOwn(alice.refreshToken, { token: 'garbage' })).status).toBe(401);
    expect([await codeOf(alice.accessToken), await codeOf(token.secret)]).toEqual([undefined, undefined]);
  });

  it('rate-limits guesses of a network', async () => {
    const address = uniqueAddress();
    const guess = (index: number) => revokeOwn(`fgr_${'A'.repeat(40)}${100 + index}`, { address });
    for (let index = 0; index < 100; index += 1) expect((await guess(index)).status).toBe(200);
    expect((await guess(100)).status).toBe(429);
  });
});
