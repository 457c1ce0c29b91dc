import { describe, expect, it } from 'vitest';
import { runJobs } from '../jobs.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');
const above = await server.domain('above');
await server.domain('here', 'above');
await server.domain('aside');
const idOf = (person: Pick<TestUser, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');

/** Why the session has ended, who brought it about, and what others call that; null while it lives. */
async function fate(session: TestUser) {
  const { data } = await superadmin.query(
    'query ($id: ID!) { tokenRevocations(userId: $id, first: 100) { edges { node { sid reason event initiator } } } }',
    { id: session.id },
  );
  const found = data.tokenRevocations.edges.find(({ node }: { node: { sid: string } }) => node.sid === idOf(session));
  return found ? [found.node.reason, found.node.event, found.node.initiator] : null;
}
const lost = ['ACCESS_LOST', 'TOKEN_CLAIMS_CHANGE', 'ADMIN'];

const revokeRole = (person: TestUser, role: string, domain?: string) =>
  superadmin.query('mutation ($input: RevokeRoleInput!) { revokeRole(input: $input) { changed } }', {
    input: { userId: person.id, role, ...(domain && { domain }) },
  });
const enter = (person: TestUser, domain?: string) => server.logIn(person.email, person.uuid, domain);

describe('a session that was entered through a domain', () => {
  it('ends with the last role that let its owner in, and no other session does', async () => {
    const alice = await server.user('USER', 'here');
    const [inside, outside] = [await enter(alice, 'here'), await enter(alice)];
    await revokeRole(alice, 'USER', 'here');
    expect([await fate(inside), await fate(outside)]).toEqual([lost, null]);
    expect((await inside.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
  });

  it('stays while another role lets its owner in: one there, one that holds everywhere, or ADMIN above', async () => {
    for (const [role, domain] of [
      ['ADMIN', 'here'],
      ['USER', undefined],
      ['ADMIN', 'above'],
    ] as const) {
      const alice = await server.user('USER', 'here');
      await server.grant(alice.uuid, role, domain);
      const inside = await enter(alice, 'here');
      await revokeRole(alice, 'USER', 'here');
      expect([role, domain, await fate(inside)]).toEqual([role, domain, null]);
    }
  });

  it('ends with a role that held everywhere, or above', async () => {
    const [bob, carol] = [await server.user('USER'), await server.user('ADMIN', 'above')];
    const [one, two] = [await enter(bob, 'here'), await enter(carol, 'here')];
    await revokeRole(bob, 'USER');
    await revokeRole(carol, 'ADMIN', 'above');
    expect([await fate(one), await fate(two)]).toEqual([lost, lost]);
  });

  it('does not stay by a role above that is not ADMIN, or by one aside', async () => {
    const alice = await server.user('USER', 'here');
    await server.grant(alice.uuid, 'USER', 'above');
    await server.grant(alice.uuid, 'ADMIN', 'aside');
    const inside = await enter(alice, 'here');
    await revokeRole(alice, 'USER', 'here');
    expect(await fate(inside)).toEqual(lost);
  });

  it('ends when its domain is moved away from where its owner is ADMIN', async () => {
    const moving = await server.domain('moving', 'above');
    const alice = await server.user('ADMIN', 'above');
    const inside = await enter(alice, 'moving');
    const move = (parent: string | null) =>
      superadmin.query('mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { id } } }', {
        input: { id: moving.globalId, parent },
      });
    await move('above');
    expect(await fate(inside)).toBeNull();
    await move('aside');
    expect(await fate(inside)).toEqual(lost);
    expect(above.active).toBe(true);
  });

  it('ends with a role that ends by itself, on the clock', async () => {
    const alice = await server.user('USER', 'here');
    const inside = await enter(alice, 'here');
    await server.db.prisma.roleGrant.updateMany({ where: { userId: alice.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    await runJobs(server);
    expect(await fate(inside)).toEqual(['ACCESS_LOST', 'TOKEN_CLAIMS_CHANGE', 'SYSTEM']);
  });
});

describe('an API token for a domain', () => {
  it('ends with the last role in it as well', async () => {
    const alice = await server.user('USER', 'here');
    const { data } = await alice.query('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { token { id } } }', {
      input: { description: 'ci', scopes: ['users:read'], domain: 'here' },
    });
    await revokeRole(alice, 'USER', 'here');
    expect(await fate({ ...alice, tokenId: data.createApiToken.token.id })).toEqual(lost);
  });
});
