import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { startTestServer } from '../test-server.ts';
import { lockUser, openHolder } from './hold.ts';
import { createSurroundings, createWorld, mutate, type World } from './world.ts';

const ofInvitation = ({ newUserInvitation: { uuid } }: World) => [uuid];
const ofInviter = ({ inviter: { uuid } }: World) => [uuid];

/** What may change between the lookup of an invitation and its acceptance: the statement and its values. */
const changes: Record<string, readonly [statement: string, values: (world: World) => string[]]> = {
  'it has been revoked': ['update "Invitation" set "revokedAt" = now() where id = $1', ofInvitation],
  'it has been accepted': ['update "Invitation" set "acceptedAt" = now() where id = $1', ofInvitation],
  'it has expired': ['update "Invitation" set "expiresAt" = now() where id = $1', ofInvitation],
  'it is for another address': [`update "Invitation" set "emailKey" = 'other@example.com' where id = $1`, ofInvitation],
  'it has been deleted': ['delete from "Invitation" where id = $1', ofInvitation],
  'its link has been used': ['update "EmailLink" set "usedAt" = now() where "invitationId" = $1', ofInvitation],
  'its link has expired': ['update "EmailLink" set "expiresAt" = now() where "invitationId" = $1', ofInvitation],
  'its link is of another email': ['update "EmailLink" set id = gen_random_uuid() where "invitationId" = $1', ofInvitation],
  'its sender has been disabled': ['update "User" set enabled = false where id = $1', ofInviter],
  'its sender has been deleted': ['update "User" set "deletedAt" = now() where id = $1', ofInviter],
  'its sender no longer administers the domain': ['delete from "RoleGrant" where "userId" = $1', ofInviter],
  'its domain has been disabled': ['update "Domain" set active = false where id = $1', ({ domain }) => [domain.id]],
  'its role may only be granted by superadmins': [
    `update "Invitation" set "roleId" = (select id from "Role" where name = 'ADMIN') where id = $1`,
    ofInvitation,
  ],
};

/** The embedded database has one connection, so no request is ever between two statements of another one. */
describe.skipIf(isEmbedded)('an invitation is checked again when it is accepted', async () => {
  const server = await startTestServer({ LOG_LEVEL: 'error' });
  const { prisma } = server.db;
  const surroundings = await createSurroundings(server);
  const holder = await openHolder(server);
  afterEach(() => holder.release());
  afterAll(() => Promise.all([holder.close(), surroundings.close()]));

  it.each(Object.entries(changes))('and creates no account if %s', async (_, [statement, values]) => {
    const world = await createWorld(server, surroundings);
    const { token, email } = world.newUserInvitation;
    const input = { token, password: 'another fine passphrase' };
    const accept = () => mutate(world, null, 'acceptInvitation', input, 'made');
    const { code } = await holder.changeDuring(lockUser(world.inviter.uuid), accept, [statement, values(world)]);
    expect(code).toBe('INVALID_TOKEN');
    expect(await prisma.user.count({ where: { emailKey: email } })).toBe(0);
  });

  it('and grants nothing to an account that has another address by then', async () => {
    const world = await createWorld(server, surroundings);
    const { member, invitation, role } = world;
    const accept = () => mutate(world, member, 'acceptInvitation', { token: invitation.token }, 'made');
    const change = `update "User" set email = 'other@example.com', "emailKey" = 'other@example.com' where id = $1`;
    expect((await holder.changeDuring(lockUser(member.uuid), accept, [change, [member.uuid]])).code).toBe('INVALID_TOKEN');
    expect(await prisma.roleGrant.count({ where: { userId: member.uuid, roleId: role.id } })).toBe(0);
  });
});
