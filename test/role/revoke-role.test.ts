import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { nobody, open, type Person } from '../test-server.ts';

const world = await open();
const north = await world.domain('north');
await world.domain('north-east', 'north');
await world.domain('south');
await world.db.prisma.role.create({ data: { name: 'CLERK' } });
const superadmin = await world.user('SUPERADMIN');

const mutation = graphql(`
  mutation RevokeRole($input: RevokeRoleInput!) {
    revokeRole(input: $input) {
      changed
    }
  }
`);
const revoke = (by: Pick<Person, 'ask'>, from: Pick<Person, 'id'>, role: string, domain?: string) =>
  by.ask(mutation, { input: { userId: from.id, role, ...(domain && { domain }) } });
const count = ({ uuid }: Person) => world.db.prisma.roleGrant.count({ where: { userId: uuid } });

describe('revokeRole', () => {
  it('takes away the role there, and nowhere else', async () => {
    const alice = await world.user('CLERK', 'north');
    await world.grant(alice.uuid, 'CLERK');
    expect((await revoke(superadmin, alice, 'CLERK', 'north')).data.revokeRole.changed).toBe(true);
    expect(await world.db.prisma.roleGrant.findMany({ where: { userId: alice.uuid } })).toMatchObject([{ domainId: null }]);
  });

  it('changes nothing where the user does not hold the role', async () => {
    const alice = await world.user('CLERK', 'north');
    for (const domain of ['south', undefined])
      expect((await revoke(superadmin, alice, 'CLERK', domain)).data.revokeRole.changed).toBe(false);
    await revoke(superadmin, alice, 'CLERK', 'north');
    expect((await revoke(superadmin, alice, 'CLERK', 'north')).data.revokeRole.changed).toBe(false);
  });

  it('changes nothing of a role whose time is over', async () => {
    const alice = await world.user('CLERK');
    await world.db.prisma.roleGrant.updateMany({ where: { userId: alice.uuid }, data: { expiresAt: new Date(0) } });
    expect((await revoke(superadmin, alice, 'CLERK')).data.revokeRole.changed).toBe(false);
  });

  it('takes away a role in a domain that is not active', async () => {
    const shut = await world.domain('shut');
    const alice = await world.user('CLERK', 'shut');
    await world.db.prisma.domain.update({ where: { id: shut.id }, data: { active: false } });
    expect((await revoke(superadmin, alice, 'CLERK', 'shut')).data.revokeRole.changed).toBe(true);
  });

  it('counts at the next request, and already in the same one', async () => {
    const own = await world.user('SUPERADMIN');
    const document = `mutation ($input: RevokeRoleInput!, $again: RevokeRoleInput!) {
      first: revokeRole(input: $input) { changed } second: revokeRole(input: $again) { changed }
    }`;
    const { data, errors } = await own.ask(document, {
      input: { userId: own.id, role: 'SUPERADMIN' },
      again: { userId: superadmin.id, role: 'SUPERADMIN' },
    });
    expect(data?.first ?? { changed: true }).toEqual({ changed: true });
    expect(errors).toMatchObject([{ path: ['second'], extensions: { code: 'FORBIDDEN' } }]);
    expect((await own.ask('{ createdBy: users { totalCount } }')).data.createdBy.totalCount).toBe(1);
  });

  it.each([
    ['role', { role: 'NONE' }],
    ['domain', { role: 'CLERK', domain: 'none' }],
  ])('refuses, with the field %s, %o', async (field, input) => {
    const alice = await world.user('CLERK');
    const { code, errors } = await superadmin.ask(mutation, { input: { userId: alice.id, ...input } });
    expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', [field]]);
  });

  it('is not for nobody, nor for an ordinary user, and knows no unknown one', async () => {
    const [alice, bob] = [await world.user('CLERK'), await world.user('CLERK')];
    expect((await revoke(nobody(world), alice, 'CLERK')).code).toBe('UNAUTHENTICATED');
    expect((await revoke(superadmin, { id: encodeGlobalID('User', randomUUID()) }, 'CLERK')).code).toBe('NOT_FOUND');
    expect((await revoke(alice, alice, 'CLERK')).code).toBe('FORBIDDEN');
    expect((await revoke(alice, bob, 'CLERK')).code).toBe('FORBIDDEN');
    expect([await count(alice), await count(bob)]).toEqual([1, 1]);
  });
});

describe('revokeRole by an administrator', () => {
  it('never takes ADMIN or SUPERADMIN, anywhere, from anybody', async () => {
    const [admin, peer, keeper] = [await world.user('ADMIN'), await world.user('ADMIN'), await world.user('ADMIN', 'north')];
    expect((await revoke(admin, keeper, 'ADMIN', 'north')).errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      rule: 'superadmin',
    });
    expect((await revoke(admin, peer, 'ADMIN')).code).toBe('FORBIDDEN');
    expect((await revoke(admin, superadmin, 'SUPERADMIN')).code).toBe('FORBIDDEN');
    expect((await revoke(admin, admin, 'ADMIN')).code).toBe('FORBIDDEN');
    expect([await count(admin), await count(peer), await count(keeper)]).toEqual([1, 1, 1]);
  });

  it('takes nothing from those whom the administrator does not outrank', async () => {
    const [admin, peer] = [await world.user('ADMIN'), await world.user('ADMIN')];
    await world.grant(peer.uuid, 'CLERK', 'north');
    expect((await revoke(admin, peer, 'CLERK', 'north')).code).toBe('FORBIDDEN');
    expect(await count(peer)).toBe(2);
  });
});

describe('revokeRole by the administrator of a domain', () => {
  it('takes from members in own domains only', async () => {
    const [keeper, member] = [await world.user('ADMIN', 'north-east'), await world.user('CLERK', 'north-east')];
    await world.grant(member.uuid, 'CLERK', 'north');
    await world.grant(member.uuid, 'CLERK', 'south');
    await world.grant(member.uuid, 'CLERK');
    for (const domain of ['north', 'south', undefined]) expect((await revoke(keeper, member, 'CLERK', domain)).code).toBe('FORBIDDEN');
    expect((await revoke(keeper, member, 'CLERK', 'north-east')).data.revokeRole.changed).toBe(true);
    expect(await count(member)).toBe(3);
  });

  it('takes nothing from another administrator of the domain, nor from those with a rank', async () => {
    const [keeper, peer, admin] = [await world.user('ADMIN', 'north'), await world.user('ADMIN', 'north'), await world.user('ADMIN')];
    await world.grant(admin.uuid, 'CLERK', 'north');
    expect((await revoke(keeper, peer, 'ADMIN', 'north')).code).toBe('NOT_FOUND');
    expect((await revoke(keeper, admin, 'CLERK', 'north')).code).toBe('NOT_FOUND');
    expect(await world.db.prisma.roleGrant.count({ where: { domainId: north.id, userId: { in: [peer.uuid, admin.uuid] } } })).toBe(2);
  });
});
