import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { nobody, open } from '../test-server.ts';

const world = await open();
const { prisma } = world.db;

const logout = graphql(`mutation Logout { logout { ended } }`);
const whoIsOut = graphql(`query WhoIsOut { me { id } }`);
const refresh = 'mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }';

describe('logout', () => {
  it('revokes the current session with its access token and refresh token', async () => {
    const alice = await world.user();
    expect((await alice.ask(logout)).data.logout.ended).toBe(true);
    expect(await alice.ask(whoIsOut)).toMatchObject({ status: 401, code: 'TOKEN_REVOKED' });
    expect((await world.send(refresh, { input: { refreshToken: alice.refreshToken } })).code).toBe('INVALID_TOKEN');
  });

  it('keeps the other sessions and the API tokens of the user', async () => {
    const alice = await world.user();
    const elsewhere = await world.signIn(alice.email, alice.uuid);
    const created = await alice.ask('mutation { createApiToken(input: { description: "CI", scopes: ["users:read"] }) { secret } }');
    await alice.ask(logout);
    expect((await elsewhere.ask(whoIsOut)).data.me?.id).toBe(alice.id);
    expect((await world.send(whoIsOut, {}, { token: created.data.createApiToken.secret })).data.me?.id).toBe(alice.id);
  });

  it('makes the rest of the operation anonymous', async () => {
    const alice = await world.user();
    const { data, errors } = await alice.ask(
      'mutation { logout { ended } setSetting(input: { key: "a", value: "b" }) { setting { key } } }',
    );
    expect(data).toBeNull();
    expect(errors?.map((error) => [error.path, error.extensions.code])).toEqual([[['setSetting'], 'UNAUTHENTICATED']]);
    expect(await prisma.userSetting.count({ where: { userId: alice.uuid } })).toBe(0);
    expect((await alice.ask(whoIsOut)).code).toBe('TOKEN_REVOKED');
  });

  it('revokes the session once when it is called twice concurrently', async () => {
    const alice = await world.user();
    await Promise.all([alice.ask(logout), alice.ask(logout)]);
    expect(await prisma.tokenRevocation.count({ where: { userId: alice.uuid } })).toBe(1);
  });

  it('rejects an anonymous caller and an API token', async () => {
    const alice = await world.user();
    expect((await nobody(world).ask(logout)).code).toBe('UNAUTHENTICATED');
    const created = await alice.ask('mutation { createApiToken(input: { description: "CI", scopes: ["tokens:revoke"] }) { secret } }');
    expect((await world.send(logout, {}, { token: created.data.createApiToken.secret })).code).toBe('FORBIDDEN');
  });

  it('records a revocation and an audit event with the actor', async () => {
    const alice = await world.user();
    await alice.ask(logout);
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
