import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const logout = graphql(`mutation Logout { logout { ended } }`);
const meQuery = graphql(`query MeAfterLogout { me { id } }`);
const refresh = 'mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }';

describe('logout', () => {
  it('revokes the current session with its access token and refresh token', async () => {
    const alice = await server.user();
    expect((await alice.query(logout)).data.logout.ended).toBe(true);
    expect(await alice.query(meQuery)).toMatchObject({ status: 401, code: 'TOKEN_REVOKED' });
    expect((await server.query(refresh, { input: { refreshToken: alice.refreshToken } })).code).toBe('INVALID_TOKEN');
  });

  it('keeps the other sessions and the API tokens of the user', async () => {
    const alice = await server.user();
    const elsewhere = await server.logIn(alice.email, alice.uuid);
    const created = await alice.query('mutation { createApiToken(input: { description: "CI", scopes: ["users:read"] }) { secret } }');
    await alice.query(logout);
    expect((await elsewhere.query(meQuery)).data.me?.id).toBe(alice.id);
    expect((await server.query(meQuery, {}, { token: created.data.createApiToken.secret })).data.me?.id).toBe(alice.id);
  });

  it('makes the rest of the operation anonymous', async () => {
    const alice = await server.user();
    const { data, errors } = await alice.query(
      'mutation { logout { ended } setSetting(input: { key: "a", value: "b" }) { setting { key } } }',
    );
    expect(data).toBeNull();
    expect(errors?.map((error) => [error.path, error.extensions.code])).toEqual([[['setSetting'], 'UNAUTHENTICATED']]);
    expect(await prisma.userSetting.count({ where: { userId: alice.uuid } })).toBe(0);
    expect((await alice.query(meQuery)).code).toBe('TOKEN_REVOKED');
  });

  it('revokes the session once when it is called twice concurrently', async () => {
    const alice = await server.user();
    await Promise.all([alice.query(logout), alice.query(logout)]);
    expect(await prisma.tokenRevocation.count({ where: { userId: alice.uuid } })).toBe(1);
  });

  it('rejects an anonymous caller and an API token', async () => {
    const alice = await server.user();
    expect((await anonymous(server).query(logout)).code).toBe('UNAUTHENTICATED');
    const created = await alice.query('mutation { createApiToken(input: { description: "CI", scopes: ["tokens:revoke"] }) { secret } }');
    expect((await server.query(logout, {}, { token: created.data.createApiToken.secret })).code).toBe('FORBIDDEN');
  });

  it('records a revocation and an audit event with the actor', async () => {
    const alice = await server.user();
    await alice.query(logout);
    const actor = { actorId: alice.uuid };
    expect(await prisma.tokenRevocation.findFirst({ where: { userId: alice.uuid } })).toMatchObject({
      reason: 'LOGOUT',
      initiator: 'USER',
      ...actor,
    });
    const event = await prisma.auditEvent.findFirst({ where: { userId: alice.uuid, action: 'session_revoked' } });
    expect(event).toMatchObject({ reason: 'LOGOUT', result: 'ok', network: alice.address, ...actor });
  });
});
