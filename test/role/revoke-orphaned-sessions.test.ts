import { describe, expect, it } from 'vitest';
import { runJobs } from '../jobs.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');
const above = await server.domain('above');
await server.domain('here', 'above');
await server.domain('aside');
const idOf = (person: Pick<TestUser, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');

/** The reason, event type and initiator of the revocation of a session; null while it is active. */
async function revocationOf(session: TestUser) {
  const { data } = await superadmin.query(
    'query ($id: ID!) { tokenRevocations(userId: $id, first: 100) { edges { node { sid reason event initiator } } } }',
    { id: session.id },
  );
  const found = data.tokenRevocations.edges.find(({ node }: { node: { sid: string } }) => node.sid === idOf(session));
  return found ? [found.node.reason, found.node.event, found.node.initiator] : null;
}
const accessLost = ['ACCESS_LOST', 'TOKEN_CLAIMS_CHANGE', 'ADMIN'];

const revokeRole = (person: TestUser, role: string, domain?: string) =>
  superadmin.query('mutation ($input: RevokeRoleInput!) { revokeRole(input: $input) { changed } }', {
    input: { userId: person.id, role, ...(domain && { domain }) },
  });
const logIn = (person: TestUser, domain?: string) => server.logIn(person.email, person.uuid, domain);

describe('a session in a domain', () => {
  it('is revoked with the last role that gave its user access to the domain, but no other session is', async () => {
    const alice = await server.user('USER', 'here');
    const [inside, outside] = [await logIn(alice, 'here'), await logIn(alice)];
    await revokeRole(alice, 'USER', 'here');
    expect([await revocationOf(inside), await revocationOf(outside)]).toEqual([accessLost, null]);
    expect((await inside.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
  });

  it('stays active while the user may still enter the domain: by a role in it, a global rank, or ADMIN in a parent', async () => {
    for (const [role, domain] of [
      ['ADMIN', 'here'],
      ['ADMIN', undefined],
      ['SUPERADMIN', undefined],
      ['ADMIN', 'above'],
    ] as const) {
      const alice = await server.user('USER', 'here');
      await server.grant(alice.uuid, role, domain);
      const inside = await logIn(alice, 'here');
      await revokeRole(alice, 'USER', 'here');
      expect([role, domain, await revocationOf(inside)]).toEqual([role, domain, null]);
    }
  });

  it('is revoked with the global rank or the ADMIN role in a parent that gave access', async () => {
    const [bob, carol] = [await server.user('ADMIN'), await server.user('ADMIN', 'above')];
    const [one, two] = [await logIn(bob, 'here'), await logIn(carol, 'here')];
    await revokeRole(bob, 'ADMIN');
    await revokeRole(carol, 'ADMIN', 'above');
    expect([await revocationOf(one), await revocationOf(two)]).toEqual([accessLost, accessLost]);
  });

  it('is revoked even if the user has USER globally, a role other than ADMIN in a parent, or any role elsewhere', async () => {
    const alice = await server.user('USER', 'here');
    await server.grant(alice.uuid, 'USER');
    await server.grant(alice.uuid, 'USER', 'above');
    await server.grant(alice.uuid, 'ADMIN', 'aside');
    const inside = await logIn(alice, 'here');
    await revokeRole(alice, 'USER', 'here');
    expect(await revocationOf(inside)).toEqual(accessLost);
  });

  it('is revoked when the domain is moved away from the domain where its user is ADMIN', async () => {
    const moving = await server.domain('moving', 'above');
    const alice = await server.user('ADMIN', 'above');
    const inside = await logIn(alice, 'moving');
    const move = (parent: string | null) =>
      superadmin.query('mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { id } } }', {
        input: { id: moving.globalId, parent },
      });
    await move('above');
    expect(await revocationOf(inside)).toBeNull();
    await move('aside');
    expect(await revocationOf(inside)).toEqual(accessLost);
    expect(above.active).toBe(true);
  });

  it('is rejected as soon as the role has expired, and revoked by a job', async () => {
    const alice = await server.user('USER', 'here');
    const inside = await logIn(alice, 'here');
    await server.db.prisma.roleGrant.updateMany({ where: { userId: alice.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    expect((await inside.query('{ me { id } }')).code).toMatch(/^(?:DOMAIN_ACCESS_DENIED|TOKEN_REVOKED)$/);
    const refresh = 'mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }';
    expect((await server.query(refresh, { input: { refreshToken: inside.refreshToken } })).code).toBe('INVALID_TOKEN');
    await runJobs(server);
    expect(await revocationOf(inside)).toEqual(['ACCESS_LOST', 'TOKEN_CLAIMS_CHANGE', 'SYSTEM']);
  });
});

describe('an API token for a domain', () => {
  it('is revoked with the last role in the domain', async () => {
    const alice = await server.user('USER', 'here');
    const { data } = await alice.query('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { token { id } } }', {
      input: { description: 'ci', scopes: ['users:read'], domain: 'here' },
    });
    await revokeRole(alice, 'USER', 'here');
    expect(await revocationOf({ ...alice, tokenId: data.createApiToken.token.id })).toEqual(accessLost);
  });
});
