import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const north = await server.domain('north');
await server.domain('north-east', 'north');
await server.domain('south');
await server.db.prisma.role.create({ data: { name: 'CLERK' } });
const superadmin = await server.user('SUPERADMIN');

const mutation = graphql(`
  mutation RevokeRole($input: RevokeRoleInput!) {
    revokeRole(input: $input) {
      changed
    }
  }
`);
const revoke = (by: Pick<TestUser, 'query'>, from: Pick<TestUser, 'id'>, role: string, domain?: string) =>
  by.query(mutation, { input: { userId: from.id, role, ...(domain && { domain }) } });
const count = ({ uuid }: TestUser) => server.db.prisma.roleGrant.count({ where: { userId: uuid } });

describe('revokeRole', () => {
  it('revokes the role in the given domain only', async () => {
    const alice = await server.user('CLERK', 'north');
    await server.grant(alice.uuid, 'CLERK');
    expect((await revoke(superadmin, alice, 'CLERK', 'north')).data.revokeRole.changed).toBe(true);
    expect(await server.db.prisma.roleGrant.findMany({ where: { userId: alice.uuid } })).toMatchObject([{ domainId: null }]);
  });

  it('returns changed: false when the user does not have the role there', async () => {
    const alice = await server.user('CLERK', 'north');
    for (const domain of ['south', undefined])
      expect((await revoke(superadmin, alice, 'CLERK', domain)).data.revokeRole.changed).toBe(false);
    await revoke(superadmin, alice, 'CLERK', 'north');
    expect((await revoke(superadmin, alice, 'CLERK', 'north')).data.revokeRole.changed).toBe(false);
  });

  it('returns changed: false when the grant has expired', async () => {
    const alice = await server.user('CLERK');
    await server.db.prisma.roleGrant.updateMany({ where: { userId: alice.uuid }, data: { expiresAt: new Date(0) } });
    expect((await revoke(superadmin, alice, 'CLERK')).data.revokeRole.changed).toBe(false);
  });

  it('revokes a role in an inactive domain', async () => {
    const closed = await server.domain('closed');
    const alice = await server.user('CLERK', 'closed');
    await server.db.prisma.domain.update({ where: { id: closed.id }, data: { active: false } });
    expect((await revoke(superadmin, alice, 'CLERK', 'closed')).data.revokeRole.changed).toBe(true);
  });

  it('takes effect on the next request and later in the same operation', async () => {
    const own = await server.user('SUPERADMIN');
    const document = `mutation ($input: RevokeRoleInput!, $again: RevokeRoleInput!) {
      first: revokeRole(input: $input) { changed } second: revokeRole(input: $again) { changed }
    }`;
    const { data, errors } = await own.query(document, {
      input: { userId: own.id, role: 'SUPERADMIN' },
      again: { userId: superadmin.id, role: 'SUPERADMIN' },
    });
    expect(data?.first ?? { changed: true }).toEqual({ changed: true });
    expect(errors).toMatchObject([{ path: ['second'], extensions: { code: 'FORBIDDEN' } }]);
    expect((await own.query('{ createdBy: users { totalCount } }')).data.createdBy.totalCount).toBe(1);
  });

  it.each([
    ['role', { role: 'NONE' }],
    ['domain', { role: 'CLERK', domain: 'none' }],
  ])('rejects an invalid %s: %o', async (field, input) => {
    const alice = await server.user('CLERK');
    const { code, errors } = await superadmin.query(mutation, { input: { userId: alice.id, ...input } });
    expect([code, Object.keys(errors?.[0]?.extensions.fields ?? {})]).toEqual(['INVALID_INPUT', [field]]);
  });

  it('rejects anonymous callers and ordinary users, and returns NOT_FOUND for an unknown user', async () => {
    const [alice, bob] = [await server.user('CLERK'), await server.user('CLERK')];
    expect((await revoke(anonymous(server), alice, 'CLERK')).code).toBe('UNAUTHENTICATED');
    expect((await revoke(superadmin, { id: encodeGlobalID('User', randomUUID()) }, 'CLERK')).code).toBe('NOT_FOUND');
    expect((await revoke(alice, alice, 'CLERK')).code).toBe('FORBIDDEN');
    expect((await revoke(alice, bob, 'CLERK')).code).toBe('FORBIDDEN');
    expect([await count(alice), await count(bob)]).toEqual([1, 1]);
  });
});

describe('revokeRole by an administrator', () => {
  it('cannot revoke ADMIN or SUPERADMIN anywhere, including their own', async () => {
    const [admin, peer, domainAdmin] = [await server.user('ADMIN'), await server.user('ADMIN'), await server.user('ADMIN', 'north')];
    expect((await revoke(admin, domainAdmin, 'ADMIN', 'north')).errors?.[0]?.extensions).toMatchObject({
      code: 'FORBIDDEN',
      rule: 'superadmin',
    });
    expect((await revoke(admin, peer, 'ADMIN')).code).toBe('FORBIDDEN');
    expect((await revoke(admin, superadmin, 'SUPERADMIN')).code).toBe('FORBIDDEN');
    expect((await revoke(admin, admin, 'ADMIN')).code).toBe('FORBIDDEN');
    expect([await count(admin), await count(peer), await count(domainAdmin)]).toEqual([1, 1, 1]);
  });

  it('cannot revoke from users of the same or a higher rank', async () => {
    const [admin, peer] = [await server.user('ADMIN'), await server.user('ADMIN')];
    await server.grant(peer.uuid, 'CLERK', 'north');
    expect((await revoke(admin, peer, 'CLERK', 'north')).code).toBe('FORBIDDEN');
    expect(await count(peer)).toBe(2);
  });
});

describe('revokeRole by the administrator of a domain', () => {
  it('can revoke from members in their domains only', async () => {
    const [domainAdmin, member] = [await server.user('ADMIN', 'north-east'), await server.user('CLERK', 'north-east')];
    await server.grant(member.uuid, 'CLERK', 'north');
    await server.grant(member.uuid, 'CLERK', 'south');
    await server.grant(member.uuid, 'CLERK');
    for (const domain of ['north', 'south', undefined]) expect((await revoke(domainAdmin, member, 'CLERK', domain)).code).toBe('FORBIDDEN');
    expect((await revoke(domainAdmin, member, 'CLERK', 'north-east')).data.revokeRole.changed).toBe(true);
    expect(await count(member)).toBe(3);
  });

  it('gets NOT_FOUND for other administrators of the domain and ranked users', async () => {
    const [domainAdmin, peer, admin] = [
      await server.user('ADMIN', 'north'),
      await server.user('ADMIN', 'north'),
      await server.user('ADMIN'),
    ];
    await server.grant(admin.uuid, 'CLERK', 'north');
    expect((await revoke(domainAdmin, peer, 'ADMIN', 'north')).code).toBe('NOT_FOUND');
    expect((await revoke(domainAdmin, admin, 'CLERK', 'north')).code).toBe('NOT_FOUND');
    expect(await server.db.prisma.roleGrant.count({ where: { domainId: north.id, userId: { in: [peer.uuid, admin.uuid] } } })).toBe(2);
  });
});
