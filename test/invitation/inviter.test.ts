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
const setActive = (name: string, active: boolean) => prisma.domain.update({ where: { name }, data: { active } });

/** Changes of the inviter between the invitation and its acceptance, each of which invalidates it. */
const changes: Record<string, (inviter: TestUser) => Promise<unknown>> = {
  'loses the role': ({ uuid }) => prisma.roleGrant.deleteMany({ where: { userId: uuid } }),
  'is disabled': ({ uuid }) => prisma.user.update({ where: { id: uuid }, data: { enabled: false } }),
  'is deleted but can be restored': ({ uuid }) => prisma.user.update({ where: { id: uuid }, data: { deletedAt: new Date() } }),
  'is deleted permanently': ({ uuid }) => prisma.user.delete({ where: { id: uuid } }),
  'has an expired grant': ({ uuid }) =>
    prisma.roleGrant.updateMany({ where: { userId: uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } }),
};

describe('an invitation', () => {
  it.each(Object.keys(changes))('is invalid once its inviter %s', async (what) => {
    for (const [role, domain] of [['ADMIN', 'north'], ['ADMIN']] as const) {
      const inviter = await server.user(role, domain);
      const { email, token } = await invite(server, inviter, { role: 'EDITOR', domain: 'north' });
      await changes[what]?.(inviter);
      expect((await accept(server, { token })).code).toBe('INVALID_TOKEN');
      expect(await prisma.user.count({ where: { email } })).toBe(0);
    }
  });

  it.each(['north', 'above'])('is invalid while the domain or its parent is inactive: %s', async (closed) => {
    for (const inviter of [superadmin, await server.user('ADMIN', 'north')]) {
      const { email, token } = await invite(server, inviter, { role: 'EDITOR', domain: 'north' });
      await setActive(closed, false);
      expect((await accept(server, { token })).code).toBe('INVALID_TOKEN');
      await setActive(closed, true);
      expect((await accept(server, { token })).code).toBeUndefined();
      expect(await rolesOf(server, email)).toEqual(['EDITOR in north', 'USER']);
    }
  });

  it.each(['north', undefined])('is invalid, if it grants ADMIN, once its inviter is no longer a superadmin, in %s', async (domain) => {
    const inviter = await server.user('SUPERADMIN');
    const { token } = await invite(server, inviter, { role: 'ADMIN', ...(domain && { domain }) });
    await prisma.roleGrant.deleteMany({ where: { userId: inviter.uuid } });
    await server.grant(inviter.uuid, 'ADMIN');
    expect((await accept(server, { token })).code).toBe('INVALID_TOKEN');
  });

  it('is invalid for an account of the same or a higher rank than the inviter', async () => {
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

  it('is invalid once its inviter only administers another domain of the invited user', async () => {
    const elsewhere = await server.domain('elsewhere');
    const [inviter, alice] = [await server.user('ADMIN', 'north'), await server.user('USER', elsewhere.name)];
    const { token } = await invite(server, inviter, { role: 'EDITOR', domain: 'north', email: alice.email });
    await prisma.roleGrant.updateMany({ where: { userId: inviter.uuid, domainId: { not: null } }, data: { domainId: elsewhere.id } });
    expect((await alice.query(acceptMutation, { input: { token } })).code).toBe('INVALID_TOKEN');
    expect(await rolesOf(server, alice.email)).not.toContain('EDITOR in north');
  });

  it('is invalid once its domain or role is deleted', async () => {
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

  it.each(['first', 'second'])(
    'is invalid if the inviter loses the role concurrently and that runs first; revocation runs %s',
    async (place) => {
      const [inviter, alice] = [await server.user('ADMIN', 'north'), await server.user()];
      const { token } = await invite(server, inviter, { role: 'EDITOR', domain: 'north', email: alice.email });
      const revoke = 'mutation ($id: ID!) { revokeRole(input: { userId: $id, role: "ADMIN", domain: "north" }) { changed } }';
      const both = [() => superadmin.query(revoke, { id: inviter.id }), () => alice.query(acceptMutation, { input: { token } })];
      const answers = await runConcurrently(server, ...(place === 'first' ? both : both.reverse()));
      expect(answers.map(({ code }) => code)).toEqual([undefined, place === 'first' ? 'INVALID_TOKEN' : undefined]);
      expect((await rolesOf(server, alice.email)).includes('EDITOR in north')).toBe(place !== 'first');
    },
  );

  it.skipIf(isEmbedded)("is invalid if the inviter's role is revoked while it is being accepted", async () => {
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
