import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const queued = ({ uuid }: TestUser, template: string) => prisma.outboxEmail.count({ where: { userId: uuid, template } });
const startNewHour = ({ uuid }: TestUser) => prisma.outboxEmail.updateMany({ where: { userId: uuid }, data: { createdAt: new Date(0) } });

describe('the notices of one kind to a user are at most 3 an hour', () => {
  it('about resetUserAccess', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const reset = 'mutation ($id: ID!) { resetUserAccess(input: { id: $id }) { ended } }';
    const resetOften = async () => {
      for (let times = 0; times < 5; times += 1) expect((await admin.query(reset, alice)).code).toBeUndefined();
    };
    await resetOften();
    expect(await queued(alice, 'accessReset')).toBe(3);
    await startNewHour(alice);
    await resetOften();
    expect(await queued(alice, 'accessReset')).toBe(6);
  });

  it('about deleteUser, without those that no longer applied when they were sent', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const remove = 'mutation ($id: ID!) { deleteUser(input: { id: $id }) { user { id } } }';
    const restore = 'mutation ($id: ID!) { restoreUser(input: { id: $id }) { user { id } } }';
    const insert = (outcome: string) =>
      server.db.query(sql`
        insert into "OutboxEmail" (template, "userId", "completedAt", outcome)
        select 'accountDeleted', ${alice.uuid}::uuid, now(), ${outcome} from generate_series(1, 3)`);
    await insert('obsolete');
    expect((await admin.query(remove, alice)).code).toBeUndefined();
    expect(await queued(alice, 'accountDeleted')).toBe(4);
    await insert('sent');
    for (const document of [restore, remove]) expect((await admin.query(document, alice)).code).toBeUndefined();
    expect(await queued(alice, 'accountDeleted')).toBe(7);
  });

  it('about reused refresh tokens', async () => {
    const alice = await server.user();
    const refresh = 'mutation ($refreshToken: String!) { refresh(input: { refreshToken: $refreshToken }) { refreshToken } }';
    const login =
      'mutation ($email: String!, $password: String!) { login(input: { email: $email, password: $password }) { ... on Session { refreshToken } } }';
    for (let times = 0; times < 5; times += 1) {
      const { refreshToken } = (await server.query(login, alice, { address: alice.address })).data.login;
      const next = (await server.query(refresh, { refreshToken })).data.refresh.refreshToken;
      await server.query(refresh, { refreshToken: next });
      expect((await server.query(refresh, { refreshToken })).code).toBe('TOKEN_REUSED');
    }
    expect(await queued(alice, 'tokenReused')).toBe(3);
  });
});

describe('createApiToken', () => {
  it('creates at most 50 tokens a day for a user, and does not count attempts that create none', async () => {
    const alice = await server.user();
    const create =
      'mutation ($domain: String) { createApiToken(input: { description: "CI", scopes: ["users:read"], domain: $domain }) { token { id } } }';
    const revoke = 'mutation ($id: ID!) { revokeToken(input: { id: $id }) { changed } }';
    expect((await alice.query(create, { domain: 'nowhere' })).code).toBe('INVALID_INPUT');
    for (let times = 0; times < 50; times += 1) {
      const { id } = (await alice.query(create)).data.createApiToken.token;
      await alice.query(revoke, { id });
    }
    expect(await alice.query(create)).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect(await queued(alice, 'apiTokenCreated')).toBe(50);
  });
});
