import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';
import { rolesHeldIn } from './roles-held.ts';

const server = await startTestServer();
await server.domain('north');
await server.domain('north-east', 'north');
await server.domain('south');
const closed = await server.domain('closed');
await server.db.prisma.domain.update({ where: { id: closed.id }, data: { active: false } });
await server.db.prisma.role.create({ data: { name: 'CLERK' } });
const superadmin = await server.user('SUPERADMIN');

const mutation = 'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { changed } }';
const grant = (by: Pick<TestUser, 'query'>, to: Pick<TestUser, 'id'>, role: string, domain?: string) =>
  by.query(mutation, { input: { userId: to.id, role, ...(domain && { domain }) } });
const rolesOf = rolesHeldIn(server);

describe('grantRole by an administrator', () => {
  it.each([
    ['ADMIN', undefined],
    ['ADMIN', 'north'],
    ['SUPERADMIN', undefined],
  ])('cannot grant %s in %s to others or to themselves', async (role, domain) => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const { code, errors } = await grant(admin, alice, role, domain);
    expect(code).toBe('FORBIDDEN');
    expect(errors?.[0]?.extensions).toMatchObject({ coordinate: 'Mutation.grantRole', rule: 'superadmin' });
    expect((await grant(admin, admin, role, domain)).code).toBe('FORBIDDEN');
    expect([await rolesOf(alice), await rolesOf(admin)]).toEqual([['USER'], ['ADMIN']]);
  });

  it('cannot grant to users of the same or a higher rank', async () => {
    const [admin, peer] = [await server.user('ADMIN'), await server.user('ADMIN')];
    for (const person of [admin, peer, superadmin]) expect((await grant(admin, person, 'CLERK')).code).toBe('FORBIDDEN');
    expect(await rolesOf(peer)).toEqual(['ADMIN']);
  });
});

describe('grantRole by the administrator of a domain', () => {
  it('can grant unranked roles to members in their domains and child domains', async () => {
    const [domainAdmin, member] = [await server.user('ADMIN', 'north'), await server.user('USER', 'north')];
    expect((await grant(domainAdmin, member, 'CLERK', 'north')).data.grantRole.changed).toBe(true);
    expect((await grant(domainAdmin, member, 'USER', 'north-east')).data.grantRole.changed).toBe(true);
    expect(await rolesOf(member)).toEqual(['USER in north', 'CLERK in north', 'USER in north-east']);
  });

  it.each([
    ['on the platform', 'CLERK', undefined],
    ['in another domain', 'CLERK', 'south'],
    ['in the parent domain', 'CLERK', 'north'],
    ['ADMIN in their domain', 'ADMIN', 'north-east'],
    ['ADMIN on the platform', 'ADMIN', undefined],
    ['SUPERADMIN', 'SUPERADMIN', undefined],
  ])('cannot grant a role %s', async (_, role, domain) => {
    const [domainAdmin, member] = [await server.user('ADMIN', 'north-east'), await server.user('USER', 'north-east')];
    const { code, errors } = await grant(domainAdmin, member, role, domain);
    expect(code).toBe('FORBIDDEN');
    expect(errors?.[0]?.extensions.rule).toMatch(/admin/);
    expect(await rolesOf(member)).toEqual(['USER in north-east']);
  });

  it('cannot grant to members of other domains, other administrators, ranked users or themselves', async () => {
    const [domainAdmin, peer, stranger] = [
      await server.user('ADMIN', 'north'),
      await server.user('ADMIN', 'north'),
      await server.user('USER', 'south'),
    ];
    const admin = await server.user('ADMIN');
    await server.grant(admin.uuid, 'USER', 'north');
    for (const person of [peer, stranger, admin]) expect((await grant(domainAdmin, person, 'CLERK', 'north')).code).toBe('NOT_FOUND');
    expect((await grant(domainAdmin, domainAdmin, 'CLERK', 'north')).code).toBe('FORBIDDEN');
    expect(await rolesOf(domainAdmin)).toEqual(['ADMIN in north']);
  });

  it('gets the same error for an inactive domain as for an unknown one', async () => {
    const [domainAdmin, member] = [await server.user('ADMIN', 'north'), await server.user('USER', 'north')];
    const inactive = await grant(domainAdmin, member, 'CLERK', 'closed');
    expect(inactive.errors).toEqual((await grant(domainAdmin, member, 'CLERK', 'none')).errors);
  });
});
