import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { runConcurrently } from '../role/run-concurrently.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { accept, acceptMutation, invite, rolesOf } from './fixtures.ts';

const server = await startTestServer();
const { prisma } = server.db;
await server.domain('above');
await server.domain('north', 'above');
await prisma.role.create({ data: { name: 'EDITOR', permissions: ['settings:read'] } });
const superadmin = await server.user('SUPERADMIN');
const switchDomain = (name: string, active: boolean) => prisma.domain.update({ where: { name }, data: { active } });

/** What happens between the invitation and its acceptance, to whom it says who invites; and whether it is still good. */
const between: Record<string, (inviter: TestUser) => Promise<unknown>> = {
  'was demoted': ({ uuid }) => prisma.roleGrant.deleteMany({ where: { userId: uuid } }),
  'was disabled': ({ uuid }) => prisma.user.update({ where: { id: uuid }, data: { enabled: false } }),
  'was deleted, and may be restored': ({ uuid }) => prisma.user.update({ where: { id: uuid }, data: { deletedAt: new Date() } }),
  'was deleted': ({ uuid }) => prisma.user.delete({ where: { id: uuid } }),
  'had a grant that has ended': ({ uuid }) =>
    prisma.roleGrant.updateMany({ where: { userId: uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } }),
};

describe('an invitation', () => {
  it.each(Object.keys(between))('is void once its inviter %s', async (what) => {
    for (const [role, domain] of [['ADMIN', 'north'], ['ADMIN']] as const) {
      const inviter = await server.user(role, domain);
      const { email, token } = await invite(server, inviter, { role: 'EDITOR', domain: 'north' });
      await between[what]?.(inviter);
      expect((await accept(server, { token })).code).toBe('INVALID_TOKEN');
      expect(await prisma.user.count({ where: { email } })).toBe(0);
    }
  });

  it.each(['north', 'above'])('is void while the domain is shut, itself or above: %s', async (shut) => {
    for (const inviter of [superadmin, await server.user('ADMIN', 'north')]) {
      const { email, token } = await invite(server, inviter, { role: 'EDITOR', domain: 'north' });
      await switchDomain(shut, false);
      expect((await accept(server, { token })).code).toBe('INVALID_TOKEN');
      await switchDomain(shut, true);
      expect((await accept(server, { token })).code).toBeUndefined();
      expect(await rolesOf(server, email)).toEqual(['EDITOR in north', 'USER']);
    }
  });

  it.each(['north', undefined])('to ADMIN is void once its inviter is no superadmin, in %s', async (domain) => {
    const inviter = await server.user('SUPERADMIN');
    const { token } = await invite(server, inviter, { role: 'ADMIN', ...(domain && { domain }) });
    await prisma.roleGrant.deleteMany({ where: { userId: inviter.uuid } });
    await server.grant(inviter.uuid, 'ADMIN');
    expect((await accept(server, { token })).code).toBe('INVALID_TOKEN');
  });

  it('gives nothing to whom the inviter could not grant it: an equal, or one above', async () => {
    const [admin, north] = [await server.user('ADMIN'), await server.user('ADMIN', 'north')];
    const [equal, above] = [await server.user('ADMIN'), await server.user('ADMIN', 'above')];
    for (const [inviter, invited] of [
      [admin, equal],
      [admin, superadmin],
      [north, admin],
      [north, above],
    ] as const) {
      const { token } = await invite(server, inviter, { role: 'EDITOR', domain: 'north', email: invited.email });
      expect((await invited.query(acceptMutation, { input: { token } })).code).toBe('INVALID_TOKEN');
      expect(await rolesOf(server, invited.email)).not.toContain('EDITOR in north');
    }
  });

  it('goes with its domain and its role', async () => {
    await server.domain('short');
    await prisma.role.create({ data: { name: 'BRIEF' } });
    const [toDomain, toRole] = [
      await invite(server, superadmin, { role: 'EDITOR', domain: 'short' }),
      await invite(server, superadmin, { role: 'BRIEF' }),
    ];
    await prisma.domain.delete({ where: { name: 'short' } });
    await server.domain('short');
    await prisma.role.delete({ where: { name: 'BRIEF' } });
    for (const { token } of [toDomain, toRole]) expect((await accept(server, { token })).code).toBe('INVALID_TOKEN');
  });

  it.each(['first', 'second'])('is void if its inviter loses the role at the same moment, and does so %s', async (place) => {
    const [inviter, alice] = [await server.user('ADMIN', 'north'), await server.user()];
    const { token } = await invite(server, inviter, { role: 'EDITOR', domain: 'north', email: alice.email });
    const revoke = 'mutation ($id: ID!) { revokeRole(input: { userId: $id, role: "ADMIN", domain: "north" }) { changed } }';
    const both = [() => superadmin.query(revoke, { id: inviter.id }), () => alice.query(acceptMutation, { input: { token } })];
    const answers = await runConcurrently(server, ...(place === 'first' ? both : both.reverse()));
    expect(answers.map(({ code }) => code)).toEqual([undefined, place === 'first' ? 'INVALID_TOKEN' : undefined]);
    expect((await rolesOf(server, alice.email)).includes('EDITOR in north')).toBe(place !== 'first');
  });

  it.skipIf(isEmbedded)('is void if the role of its inviter is being taken away as it is accepted', async () => {
    const [inviter, alice] = [await server.user('ADMIN', 'north'), await server.user()];
    const { token } = await invite(server, inviter, { role: 'EDITOR', domain: 'north', email: alice.email });
    const waiting = sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    const { answer } = await prisma.$transaction(async (tx) => {
      await tx.roleGrant.deleteMany({ where: { userId: inviter.uuid } });
      const meanwhile = alice.query(acceptMutation, { input: { token } });
      await waitUntil(async () => (await server.db.query(waiting)).length > 0);
      return { answer: meanwhile };
    });
    expect((await answer).code).toBe('INVALID_TOKEN');
    expect(await rolesOf(server, alice.email)).toEqual(['USER']);
  });
});
