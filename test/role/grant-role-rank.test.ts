import { describe, expect, it } from 'vitest';
import { open, type Person } from '../test-server.ts';
import { rolesHeldIn } from './roles-held.ts';

const world = await open();
await world.domain('north');
await world.domain('north-east', 'north');
await world.domain('south');
const shut = await world.domain('shut');
await world.db.prisma.domain.update({ where: { id: shut.id }, data: { active: false } });
await world.db.prisma.role.create({ data: { name: 'CLERK' } });
const superadmin = await world.user('SUPERADMIN');

const mutation = 'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { changed } }';
const grant = (by: Pick<Person, 'ask'>, to: Pick<Person, 'id'>, role: string, domain?: string) =>
  by.ask(mutation, { input: { userId: to.id, role, ...(domain && { domain }) } });
const held = rolesHeldIn(world);

describe('grantRole by an administrator', () => {
  it.each([
    ['ADMIN', undefined],
    ['ADMIN', 'north'],
    ['SUPERADMIN', undefined],
  ])('never grants %s in %s, to nobody and not to oneself', async (role, domain) => {
    const [admin, alice] = [await world.user('ADMIN'), await world.user()];
    const { code, errors } = await grant(admin, alice, role, domain);
    expect(code).toBe('FORBIDDEN');
    expect(errors?.[0]?.extensions).toMatchObject({ coordinate: 'Mutation.grantRole', rule: 'superadmin' });
    expect((await grant(admin, admin, role, domain)).code).toBe('FORBIDDEN');
    expect([await held(alice), await held(admin)]).toEqual([['USER'], ['ADMIN']]);
  });

  it('never grants to those whom the administrator does not outrank', async () => {
    const [admin, peer] = [await world.user('ADMIN'), await world.user('ADMIN')];
    for (const person of [admin, peer, superadmin]) expect((await grant(admin, person, 'CLERK')).code).toBe('FORBIDDEN');
    expect(await held(peer)).toEqual(['ADMIN']);
  });
});

describe('grantRole by the administrator of a domain', () => {
  it('grants roles without a rank to members, in own domains and those below', async () => {
    const [keeper, member] = [await world.user('ADMIN', 'north'), await world.user('USER', 'north')];
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
    const [keeper, member] = [await world.user('ADMIN', 'north-east'), await world.user('USER', 'north-east')];
    const { code, errors } = await grant(keeper, member, role, domain);
    expect(code).toBe('FORBIDDEN');
    expect(errors?.[0]?.extensions.rule).toMatch(/admin/);
    expect(await held(member)).toEqual(['USER in north-east']);
  });

  it('never grants to members of other domains, to other administrators, to those with a rank, or to oneself', async () => {
    const [keeper, peer, stranger] = [
      await world.user('ADMIN', 'north'),
      await world.user('ADMIN', 'north'),
      await world.user('USER', 'south'),
    ];
    const admin = await world.user('ADMIN');
    await world.grant(admin.uuid, 'USER', 'north');
    for (const person of [peer, stranger, admin]) expect((await grant(keeper, person, 'CLERK', 'north')).code).toBe('NOT_FOUND');
    expect((await grant(keeper, keeper, 'CLERK', 'north')).code).toBe('FORBIDDEN');
    expect(await held(keeper)).toEqual(['ADMIN in north']);
  });

  it('knows no domain that is not active', async () => {
    const [keeper, member] = [await world.user('ADMIN', 'north'), await world.user('USER', 'north')];
    const inactive = await grant(keeper, member, 'CLERK', 'shut');
    expect(inactive.errors).toEqual((await grant(keeper, member, 'CLERK', 'none')).errors);
  });
});
