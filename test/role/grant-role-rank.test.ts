import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';
import { rolesHeldIn } from './roles-held.ts';

const server = await startTestServer();
await server.domain('north');
await server.domain('north-east', 'north');
await server.domain('south');
const shut = await server.domain('shut');
await server.db.prisma.domain.update({ where: { id: shut.id }, data: { active: false } });
await server.db.prisma.role.create({ data: { name: 'CLERK' } });
const superadmin = await server.user('SUPERADMIN');

const mutation = 'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { changed } }';
const grant = (by: Pick<TestUser, 'query'>, to: Pick<TestUser, 'id'>, role: string, domain?: string) =>
  by.query(mutation, { input: { userId: to.id, role, ...(domain && { domain }) } });
const held = rolesHeldIn(server);

describe('grantRole by an administrator', () => {
  it.each([
    ['ADMIN', undefined],
    ['ADMIN', 'north'],
    ['SUPERADMIN', undefined],
  ])('never grants %s in %s, to nobody and not to oneself', async (role, domain) => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const { code, errors } = await grant(admin, alice, role, domain);
    expect(code).toBe('FORBIDDEN');
    expect(errors?.[0]?.extensions).toMatchObject({ coordinate: 'Mutation.grantRole', rule: 'superadmin' });
    expect((await grant(admin, admin, role, domain)).code).toBe('FORBIDDEN');
    expect([await held(alice), await held(admin)]).toEqual([['USER'], ['ADMIN']]);
  });

  it('never grants to those whom the administrator does not outrank', async () => {
    const [admin, peer] = [await server.user('ADMIN'), await server.user('ADMIN')];
    for (const person of [admin, peer, superadmin]) expect((await grant(admin, person, 'CLERK')).code).toBe('FORBIDDEN');
    expect(await held(peer)).toEqual(['ADMIN']);
  });
});

describe('grantRole by the administrator of a domain', () => {
  it('grants roles without a rank to members, in own domains and those below', async () => {
    const [keeper, member] = [await server.user('ADMIN', 'north'), await server.user('USER', 'north')];
    expect((await grant(keeper, member, 'CLERK', 'north')).data.grantRole.changed).toBe(true);
    expect((await grant(keeper, member, 'USER', 'north-east')).data.grantRole.changed).toBe(true);
    expect(await held(member)).toEqual(['USER in north', 'CLERK in north', 'USER in north-east']);
  });

  it.each([
    ['everywhere', 'CLERK', undefined],
    ['in a foreign domain', 'CLERK', 'south'],
    ['in the domain above', 'CLERK', 'north'],
    ['ADMIN in the own domain', 'ADMIN', 'north-east'],
    ['ADMIN everywhere', 'ADMIN', undefined],
    ['SUPERADMIN', 'SUPERADMIN', undefined],
  ])('never grants %s', async (_, role, domain) => {
    const [keeper, member] = [await server.user('ADMIN', 'north-east'), await server.user('USER', 'north-east')];
    const { code, errors } = await grant(keeper, member, role, domain);
    expect(code).toBe('FORBIDDEN');
    expect(errors?.[0]?.extensions.rule).toMatch(/admin/);
    expect(await held(member)).toEqual(['USER in north-east']);
  });

  it('never grants to members of other domains, to other administrators, to those with a rank, or to oneself', async () => {
    const [keeper, peer, stranger] = [
      await server.user('ADMIN', 'north'),
      await server.user('ADMIN', 'north'),
      await server.user('USER', 'south'),
    ];
    const admin = await server.user('ADMIN');
    await server.grant(admin.uuid, 'USER', 'north');
    for (const person of [peer, stranger, admin]) expect((await grant(keeper, person, 'CLERK', 'north')).code).toBe('NOT_FOUND');
    expect((await grant(keeper, keeper, 'CLERK', 'north')).code).toBe('FORBIDDEN');
    expect(await held(keeper)).toEqual(['ADMIN in north']);
  });

  it('knows no domain that is not active', async () => {
    const [keeper, member] = [await server.user('ADMIN', 'north'), await server.user('USER', 'north')];
    const inactive = await grant(keeper, member, 'CLERK', 'shut');
    expect(inactive.errors).toEqual((await grant(keeper, member, 'CLERK', 'none')).errors);
  });
});
