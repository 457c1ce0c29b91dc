import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';
import { invite } from './fixtures.ts';

const server = await startTestServer();
await server.domain('north');
await server.domain('south');
await server.db.prisma.role.create({ data: { name: 'EDITOR' } });
const [superadmin, admin, north, south] = [
  await server.user('SUPERADMIN'),
  await server.user('ADMIN'),
  await server.user('ADMIN', 'north'),
  await server.user('ADMIN', 'south'),
];
const revokeMutation = 'mutation ($id: ID!) { revokeInvitation(input: { id: $id }) { changed invitation { revokedAt } } }';
const revoke = (person: TestUser, id: string) => person.query(revokeMutation, { id });

describe('revokeInvitation', () => {
  it('revokes an invitation once', async () => {
    const { id } = await invite(server, north, { role: 'EDITOR', domain: 'north' });
    const first = (await revoke(north, id)).data.revokeInvitation;
    expect(first).toEqual({ changed: true, invitation: { revokedAt: expect.any(String) } });
    expect((await revoke(admin, id)).data.revokeInvitation).toEqual({ ...first, changed: false });
  });

  it('returns changed: false for an accepted invitation', async () => {
    const { id, uuid } = await invite(server, north, { role: 'EDITOR', domain: 'north' });
    await server.db.prisma.invitation.update({ where: { id: uuid }, data: { acceptedAt: new Date() } });
    expect((await revoke(north, id)).data.revokeInvitation).toEqual({ changed: false, invitation: { revokedAt: null } });
  });

  it('allows every administrator who could have sent it', async () => {
    const { id } = await invite(server, admin, { role: 'EDITOR', domain: 'north' });
    expect([(await revoke(south, id)).code, (await revoke(await server.user(), id)).code]).toEqual(['NOT_FOUND', 'FORBIDDEN']);
    expect((await revoke(north, id)).data.revokeInvitation.changed).toBe(true);
  });

  it('requires a superadmin for an invitation to ADMIN or SUPERADMIN', async () => {
    const { id } = await invite(server, superadmin, { role: 'ADMIN', domain: 'north' });
    expect([(await revoke(north, id)).code, (await revoke(admin, id)).code]).toEqual(['FORBIDDEN', 'FORBIDDEN']);
    expect((await revoke(superadmin, id)).data.revokeInvitation.changed).toBe(true);
  });
});
