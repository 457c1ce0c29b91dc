import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer } from '../test-server.ts';

const server = await startTestServer();

const logoutEverywhere = graphql(`
  mutation LogoutEverywhere($input: LogoutEverywhereInput!) {
    logoutEverywhere(input: $input) {
      ended
    }
  }
`);
const meQuery = graphql(`query MeAfterLogoutEverywhere { me { id } }`);

/** A user with three sessions. */
async function threeSessions() {
  const alice = await server.user();
  return [alice, await server.logIn(alice.email, alice.uuid), await server.logIn(alice.email, alice.uuid)] as const;
}

describe('logoutEverywhere', () => {
  it('revokes all sessions of the viewer', async () => {
    const sessions = await threeSessions();
    expect((await sessions[0].query(logoutEverywhere, { input: {} })).data.logoutEverywhere.ended).toBe(3);
    for (const session of sessions) expect(await session.query(meQuery)).toMatchObject({ status: 401, code: 'TOKEN_REVOKED' });
  });

  it('keeps the current session when exceptCurrent is true', async () => {
    const [here, ...others] = await threeSessions();
    expect((await here.query(logoutEverywhere, { input: { exceptCurrent: true } })).data.logoutEverywhere.ended).toBe(2);
    expect((await here.query(meQuery)).data.me?.id).toBe(here.id);
    for (const other of others) expect((await other.query(meQuery)).code).toBe('TOKEN_REVOKED');
    expect((await here.query(logoutEverywhere, { input: { exceptCurrent: true } })).data.logoutEverywhere.ended).toBe(0);
  });

  it('treats exceptCurrent: null as false', async () => {
    const [here] = await threeSessions();
    expect((await here.query(logoutEverywhere, { input: { exceptCurrent: null } })).data.logoutEverywhere.ended).toBe(3);
  });

  it('revokes neither API tokens nor sessions of other users', async () => {
    const [[alice], bob] = [await threeSessions(), await server.user()];
    const created = await alice.query('mutation { createApiToken(input: { description: "CI", scopes: ["users:read"] }) { secret } }');
    await alice.query(logoutEverywhere, { input: {} });
    expect((await server.query(meQuery, {}, { token: created.data.createApiToken.secret })).data.me?.id).toBe(alice.id);
    expect((await bob.query(meQuery)).data.me?.id).toBe(bob.id);
  });

  it('rejects an anonymous caller and an API token', async () => {
    const [alice] = await threeSessions();
    expect((await anonymous(server).query(logoutEverywhere, { input: {} })).code).toBe('UNAUTHENTICATED');
    const created = await alice.query('mutation { createApiToken(input: { description: "CI", scopes: ["tokens:revoke"] }) { secret } }');
    expect((await server.query(logoutEverywhere, { input: {} }, { token: created.data.createApiToken.secret })).code).toBe('FORBIDDEN');
    expect((await alice.query(meQuery)).data.me?.id).toBe(alice.id);
  });

  it('records a revocation and an audit event for each session', async () => {
    const [alice] = await threeSessions();
    await alice.query(logoutEverywhere, { input: {} });
    const where = { userId: alice.uuid, reason: 'LOGOUT' } as const;
    expect(await server.db.prisma.tokenRevocation.count({ where })).toBe(3);
    expect(await server.db.prisma.auditEvent.count({ where: { ...where, action: 'session_revoked', actorId: alice.uuid } })).toBe(3);
  });
});
