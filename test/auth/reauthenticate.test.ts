import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const reauthenticate = graphql(`
  mutation Reauthenticate($input: ReauthenticateInput!) {
    reauthenticate(input: $input) {
      accessToken
      refreshToken
      token {
        id
        description
        expiresAt
        domain {
          name
        }
      }
    }
  }
`);
const isFresh = graphql(`query IsFresh { viewer { fresh user { id } } }`);
const createApiToken = 'mutation { createApiToken(input: { description: "CI", scopes: ["users:read"] }) { secret } }';

const reauthenticateAs = (user: TestUser, password = user.password) => user.query(reauthenticate, { input: { password } });
const setSessionAge = ({ uuid }: TestUser, age: string) =>
  server.db.query(sql`update "Token" set "authenticatedAt" = now() - ${age}::interval where "userId" = ${uuid}::uuid`);

describe('reauthenticate', () => {
  it('makes the session fresh, so that mutations requiring recent authentication succeed', async () => {
    const alice = await server.user();
    await setSessionAge(alice, '11 minutes');
    expect((await alice.query(createApiToken)).code).toBe('REAUTHENTICATION_REQUIRED');
    const { data } = await reauthenticateAs(alice);
    const { accessToken: token } = data.reauthenticate;
    expect((await server.query(isFresh, {}, { token })).data.viewer.fresh).toBe(true);
    expect((await server.query(createApiToken, {}, { token })).code).toBeUndefined();
  });

  it('replaces the session with a new one and revokes the old one', async () => {
    const alice = await server.user();
    const { data } = await reauthenticateAs(alice);
    expect(data.reauthenticate.token.id).not.toBe(alice.tokenId);
    expect(await alice.query(isFresh)).toMatchObject({ status: 401, code: 'TOKEN_REVOKED' });
    const refreshed = 'mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }';
    expect((await server.query(refreshed, { input: { refreshToken: alice.refreshToken } })).code).toBe('INVALID_TOKEN');
  });

  it('keeps the device, the domain and the expiry of the session', async () => {
    const domain = await server.domain('kept');
    const alice = await server.user('USER', 'kept');
    const expiresAt = new Date(Date.now() + 3_600_000);
    await prisma.token.updateMany({ where: { userId: alice.uuid }, data: { domainId: domain.id, description: 'Laptop', expiresAt } });
    const { data } = await reauthenticateAs(alice);
    expect(data.reauthenticate.token).toMatchObject({
      description: 'Laptop',
      domain: { name: 'kept' },
      expiresAt: expiresAt.toISOString(),
    });
  });
});

describe('reauthenticate: concurrent requests', () => {
  it('creates one session when it is called three times concurrently', async () => {
    const alice = await server.user();
    const answers = await Promise.all([reauthenticateAs(alice), reauthenticateAs(alice), reauthenticateAs(alice)]);
    expect(answers.map((answer) => answer.code).sort()).toEqual(['TOKEN_REVOKED', 'TOKEN_REVOKED', undefined]);
    expect(await prisma.token.count({ where: { userId: alice.uuid, revokedAt: null } })).toBe(1);
  });

  it('creates no session when the session is revoked while the password is verified', async () => {
    const [alice, admin] = [await server.user(), await server.user('SUPERADMIN')];
    const revoke = 'mutation ($input: RevokeTokenInput!) { revokeToken(input: $input) { changed } }';
    const [proof] = await Promise.all([reauthenticateAs(alice), admin.query(revoke, { input: { id: alice.tokenId } })]);
    const live = await prisma.token.count({ where: { userId: alice.uuid, revokedAt: null } });
    expect([live, proof.code]).toEqual(proof.data ? [1, undefined] : [0, 'TOKEN_REVOKED']);
  });
});

describe('reauthenticate: wrong password', () => {
  it('keeps the session and leaves it not fresh', async () => {
    const alice = await server.user();
    await setSessionAge(alice, '1 day');
    expect(await reauthenticateAs(alice, 'not the password at all')).toMatchObject({ data: null, code: 'INVALID_CREDENTIALS' });
    expect((await alice.query(isFresh)).data.viewer).toEqual({ fresh: false, user: { id: alice.id } });
  });

  it('records successful and failed attempts without counting them as logins', async () => {
    const alice = await server.user();
    await reauthenticateAs(alice, 'not the password at all');
    await reauthenticateAs(alice);
    const events = await prisma.auditEvent.findMany({
      where: { userId: alice.uuid, action: { startsWith: 'authn_' } },
      orderBy: { id: 'asc' },
    });
    expect(events.map(({ action, reason }) => [action, reason])).toEqual([
      ['authn_login_success', null],
      ['authn_login_fail', 'INVALID_CREDENTIALS'],
      ['authn_reauthenticate_success', null],
    ]);
    expect(await prisma.user.findUnique({ where: { id: alice.uuid } })).toMatchObject({ loginCount: 1 });
  });
});

describe('reauthenticate: callers', () => {
  it('rejects an anonymous caller and an API token', async () => {
    const alice = await server.user();
    const { data } = await alice.query(createApiToken);
    const input = { password: alice.password };
    expect((await anonymous(server).query(reauthenticate, { input })).code).toBe('UNAUTHENTICATED');
    expect((await server.query(reauthenticate, { input }, { token: data.createApiToken.secret })).code).toBe('FORBIDDEN');
  });
});
