import { describe, expect, it } from 'vitest';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';
import { accept, invite } from './fixtures.ts';

const server = await startTestServer();
await server.domain('north');
await server.domain('below', 'north');
await server.db.prisma.role.create({ data: { name: 'EDITOR' } });
const [admin, north, below] = [await server.user('ADMIN'), await server.user('ADMIN', 'north'), await server.user('ADMIN', 'below')];
const [toNorth, toBelow, everywhere] = [
  await invite(server, north, { role: 'EDITOR', domain: 'north' }),
  await invite(server, north, { role: 'EDITOR', domain: 'below' }),
  await invite(server, admin, { role: 'EDITOR' }),
];
const list =
  'query ($filter: InvitationFilter) { invitations(filter: $filter) { totalCount edges { node { email domain { name } invitedBy { id } } } } }';

/** The addresses of the invitations that a user can list. Checks totalCount too. */
async function listEmails(person: Pick<TestUser, 'query'>, filter?: object): Promise<string[]> {
  const { data } = await person.query(list, { filter });
  const emails: string[] = data.invitations.edges.map(({ node }: { node: { email: string } }) => node.email);
  expect(data.invitations.totalCount).toBe(emails.length);
  return emails;
}

describe('invitations', () => {
  it('are visible to the administrators of their domain', async () => {
    expect(await listEmails(admin)).toEqual([toNorth.email, toBelow.email, everywhere.email]);
    expect(await listEmails(north)).toEqual([toNorth.email, toBelow.email]);
    expect(await listEmails(below)).toEqual([toBelow.email]);
    expect(await listEmails(await server.user())).toEqual([]);
    expect((await anonymous(server).query(list)).code).toBe('UNAUTHENTICATED');
  });

  it('are found by id by those administrators only, not by the invited user', async () => {
    const alice = await server.user();
    const { id } = await invite(server, north, { role: 'EDITOR', domain: 'north', email: alice.email });
    const node = 'query ($id: ID!) { node(id: $id) { ... on Invitation { email } } }';
    expect((await north.query(node, { id })).data.node).toEqual({ email: alice.email });
    for (const person of [alice, below]) expect((await person.query(node, { id })).data?.node ?? null).toBeNull();
  });

  it('are filtered by domain and by whether they are pending', async () => {
    expect(await listEmails(admin, { domain: 'below' })).toEqual([toBelow.email]);
    const [late, revoked, accepted] = [
      await invite(server, below, { role: 'EDITOR', domain: 'below' }),
      await invite(server, below, { role: 'EDITOR', domain: 'below' }),
      await invite(server, below, { role: 'EDITOR', domain: 'below' }),
    ];
    await server.db.prisma.invitation.update({ where: { id: late.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    await below.query('mutation ($id: ID!) { revokeInvitation(input: { id: $id }) { changed } }', { id: revoked.id });
    await accept(server, accepted);
    expect(await listEmails(below, { pending: true })).toEqual([toBelow.email]);
    expect(await listEmails(below, { pending: false })).toEqual([late.email, revoked.email, accepted.email]);
  });

  it('are deleted when the account of the invited user is erased', async () => {
    const [superadmin, alice] = [await server.user('SUPERADMIN'), await server.user()];
    await invite(server, north, { role: 'EDITOR', domain: 'north', email: alice.email });
    await superadmin.query('mutation ($id: ID!) { deleteUser(input: { id: $id, erase: true }) { changed } }', { id: alice.id });
    expect(await server.db.prisma.invitation.count({ where: { email: alice.email } })).toBe(0);
  });
});
