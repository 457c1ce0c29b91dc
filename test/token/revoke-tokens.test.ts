import { describe, expect, it } from 'vitest';
import { lockUser, openHolder } from '../races/hold.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');
await server.domain('north');
await server.domain('south');

const revokeAll = (by: TestUser, user: TestUser, kind?: 'SESSION' | 'API') =>
  by.query('mutation ($input: RevokeTokensInput!) { revokeTokens(input: $input) { ended } }', {
    input: { userId: user.id, ...(kind && { kind }) },
  });
const signInAgain = (person: TestUser, domain?: string) => server.logIn(person.email, person.uuid, domain);
const isAlive = async (person: TestUser) => (await person.query('{ me { id } }')).code === undefined;

/** An API token of a user. */
async function apiToken(person: TestUser) {
  const { data } = await person.query('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }', {
    input: { description: 'ci', scopes: ['users:read'] },
  });
  return {
    ...person,
    query: ((document, variables) => server.query(document, variables, { token: data.createApiToken.secret })) as TestUser['query'],
  };
}

describe('revokeTokens', () => {
  it('revokes every session and API token of the user and no others', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const all = [alice, await signInAgain(alice), await apiToken(alice)];
    expect((await revokeAll(superadmin, alice)).data.revokeTokens).toEqual({ ended: 3 });
    expect(await Promise.all([...all, bob].map(isAlive))).toEqual([false, false, false, true]);
    expect((await revokeAll(superadmin, alice)).data.revokeTokens).toEqual({ ended: 0 });
  });

  it('revokes only tokens of the given kind', async () => {
    const alice = await server.user();
    const token = await apiToken(alice);
    expect((await revokeAll(superadmin, alice, 'API')).data.revokeTokens).toEqual({ ended: 1 });
    expect([await isAlive(alice), await isAlive(token)]).toEqual([true, false]);
  });

  it('revokes all tokens in one commit', async () => {
    const alice = await server.user();
    for (let device = 0; device < 8; device += 1) await signInAgain(alice);
    await revokeAll(superadmin, alice);
    const records = await server.db.prisma.tokenRevocation.findMany({ where: { userId: alice.uuid } });
    expect([records.length, new Set(records.map(({ commitId }) => commitId)).size]).toEqual([9, 1]);
  });

  it('revokes for a domain administrator only the sessions in that domain', async () => {
    const [domainAdmin, member] = [await server.user('ADMIN', 'north'), await server.user('USER', 'north')];
    await server.grant(member.uuid, 'USER', 'south');
    const [north, south, token] = [await signInAgain(member, 'north'), await signInAgain(member, 'south'), await apiToken(member)];
    expect((await revokeAll(domainAdmin, member)).data.revokeTokens).toEqual({ ended: 1 });
    expect(await Promise.all([north, south, member, token].map(isAlive))).toEqual([false, true, true, true]);
  });

  it.skipIf(isEmbedded)('ends for a domain administrator no login elsewhere that is in progress', async () => {
    const [admin, alice] = [await server.user('ADMIN', 'north'), await server.user('USER', 'north')];
    await server.grant(alice.uuid, 'USER', 'south');
    const login = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
    const holder = await openHolder(server);
    const isWaiting = (count: number) => waitUntil(async () => (await holder.waiting()) >= count);
    for (const domain of [null, 'south']) {
      await holder.begin(lockUser(alice.uuid));
      const revocation = revokeAll(admin, alice);
      await isWaiting(1);
      const session = server.query(login, { input: { email: alice.email, password: alice.password, domain } });
      await isWaiting(2);
      await holder.release();
      expect([(await revocation).code, (await session).code]).toEqual([undefined, undefined]);
    }
    await holder.close();
  });

  it('records an audit event with the actor for each token', async () => {
    const alice = await server.user();
    await signInAgain(alice);
    await revokeAll(superadmin, alice);
    const rows = await server.db.prisma.auditEvent.findMany({ where: { userId: alice.uuid, action: 'session_revoked' } });
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row).toMatchObject({ actorId: superadmin.uuid, reason: 'ADMIN_REVOKED', targetType: 'Token' });
  });

  it('requires a higher rank unless it is called for oneself, and returns NOT_FOUND for a user that the viewer cannot see', async () => {
    const [admin, other, alice] = [await server.user('ADMIN'), await server.user('ADMIN'), await server.user()];
    expect((await revokeAll(admin, other)).code).toBe('FORBIDDEN');
    expect((await revokeAll(alice, other)).code).toBe('NOT_FOUND');
    expect((await revokeAll(admin, alice)).data.revokeTokens).toEqual({ ended: 1 });
    expect((await revokeAll(other, other)).data.revokeTokens).toEqual({ ended: 1 });
    expect((await other.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
  });
});
