import { describe, expect, it } from 'vitest';
import { open, type Person } from '../test-server.ts';
import { invite } from './fixtures.ts';

const world = await open();
await world.domain('north');
await world.domain('south');
await world.db.prisma.role.create({ data: { name: 'EDITOR' } });
const [superadmin, admin, north, south] = [
  await world.user('SUPERADMIN'),
  await world.user('ADMIN'),
  await world.user('ADMIN', 'north'),
  await world.user('ADMIN', 'south'),
];
const revoking = 'mutation ($id: ID!) { revokeInvitation(input: { id: $id }) { changed invitation { revokedAt } } }';
const revoke = (person: Person, id: string) => person.ask(revoking, { id });

describe('revokeInvitation', () => {
  it('makes it good for nothing, once', async () => {
    const { id } = await invite(world, north, { role: 'EDITOR', domain: 'north' });
    const first = (await revoke(north, id)).data.revokeInvitation;
    expect(first).toEqual({ changed: true, invitation: { revokedAt: expect.any(String) } });
    expect((await revoke(admin, id)).data.revokeInvitation).toEqual({ ...first, changed: false });
  });

  it('changes nothing of what was accepted', async () => {
    const { id, uuid } = await invite(world, north, { role: 'EDITOR', domain: 'north' });
    await world.db.prisma.invitation.update({ where: { id: uuid }, data: { acceptedAt: new Date() } });
    expect((await revoke(north, id)).data.revokeInvitation).toEqual({ changed: false, invitation: { revokedAt: null } });
  });

  it('is for whoever could send it, whoever did', async () => {
    const { id } = await invite(world, admin, { role: 'EDITOR', domain: 'north' });
    expect([(await revoke(south, id)).code, (await revoke(await world.user(), id)).code]).toEqual(['NOT_FOUND', 'FORBIDDEN']);
    expect((await revoke(north, id)).data.revokeInvitation.changed).toBe(true);
  });

  it('leaves those to ADMIN and SUPERADMIN to superadmins', async () => {
    const { id } = await invite(world, superadmin, { role: 'ADMIN', domain: 'north' });
    expect([(await revoke(north, id)).code, (await revoke(admin, id)).code]).toEqual(['FORBIDDEN', 'FORBIDDEN']);
    expect((await revoke(superadmin, id)).data.revokeInvitation.changed).toBe(true);
  });
});
