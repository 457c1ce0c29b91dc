import { afterEach, describe, expect, it } from 'vitest';
import { superadmin } from '../../src/policy/conditions.ts';
import { loginHistoryRule } from '../../src/schema/user/access-rules.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';
import { mutableRules } from './access.ts';

const server = await startTestServer();
await server.domain('north');
await server.domain('south');
const closed = await server.domain('closed');
await server.domain('under-closed', 'closed');
await server.db.prisma.domain.update({ where: { id: closed.id }, data: { active: false } });
for (const name of ['EDITOR', 'READER']) await server.db.prisma.role.create({ data: { name } });
const northAdmin = await server.user('ADMIN', 'north');
const admin = await server.user('ADMIN');
const ann = await server.user('USER', 'north');
const ben = await server.user('USER', 'south');
await server.grant(ann.uuid, 'EDITOR', 'south');
const real = new Map(mutableRules);
afterEach(() => {
  for (const [coordinate, rule] of real) mutableRules.set(coordinate, rule);
});

const list = `query ($filter: UserFilter, $first: Int, $after: String) {
  users(filter: $filter, first: $first, after: $after) { totalCount edges { cursor node { id } } pageInfo { hasNextPage } }
}`;
const idsOf = async (person: Pick<TestUser, 'query'>, filter?: object) => {
  const { data } = await person.query(list, { filter });
  expect(data.users.totalCount).toBe(data.users.edges.length);
  return data.users.edges.map((edge: { node: { id: string } }) => edge.node.id).sort();
};
const named = (person: TestUser, displayName: string) =>
  server.db.prisma.user.update({ where: { id: person.uuid }, data: { displayName } });

describe('a list', () => {
  it('contains and counts only what the viewer can see', async () => {
    expect(await idsOf(northAdmin)).toEqual([northAdmin.id, ann.id].sort());
    expect(await idsOf(ben)).toEqual([ben.id]);
    expect(await idsOf(admin)).toEqual(expect.arrayContaining([ann.id, ben.id, northAdmin.id, admin.id]));
  });

  it('ends after the last row that the viewer can see', async () => {
    const first = await northAdmin.query(list, { first: 1 });
    expect(first.data.users.pageInfo.hasNextPage).toBe(true);
    const last = await northAdmin.query(list, { first: 1, after: first.data.users.edges[0].cursor });
    expect(last.data.users.edges).toHaveLength(1);
    expect(last.data.users.pageInfo.hasNextPage).toBe(false);
  });
});

describe('a filter', () => {
  it.each(['%', '_', 'a_b', '100%', '\\'])('treats "%s" as plain text', async (text) => {
    const [literal, other] = [await server.user(), await server.user()];
    await named(literal, `x${text}x`);
    await named(other, 'xaXbx100x');
    const found = await idsOf(admin, { search: text });
    expect(found).toContain(literal.id);
    expect(found).not.toContain(other.id);
  });

  it('does not match grants that the viewer cannot see', async () => {
    expect(await idsOf(admin, { role: 'EDITOR' })).toEqual([ann.id]);
    expect(await idsOf(northAdmin, { role: 'EDITOR' })).toEqual([]);
    expect(await idsOf(northAdmin, { domain: 'south' })).toEqual([]);
    expect(await idsOf(northAdmin, { domain: 'north', role: 'USER' })).toEqual([ann.id]);
  });

  it('does not match expired grants', async () => {
    const { id } = await server.grant(ann.uuid, 'READER', 'north');
    expect(await idsOf(northAdmin, { role: 'READER' })).toEqual([ann.id]);
    await server.db.prisma.roleGrant.update({ where: { id }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    expect(await idsOf(northAdmin, { role: 'READER' })).toEqual([]);
  });

  it('does not match users that the viewer cannot see by name, address or state', async () => {
    expect(await idsOf(northAdmin, { search: ben.email })).toEqual([]);
    expect(await idsOf(northAdmin, { enabled: true })).toEqual([northAdmin.id, ann.id].sort());
  });

  it('does not match children of a domain that the viewer cannot see', async () => {
    const document = 'query ($parent: String) { domains(filter: { parent: $parent }) { totalCount } }';
    expect((await admin.query(document, { parent: 'closed' })).data.domains.totalCount).toBe(1);
    expect((await ann.query(document, { parent: 'closed' })).data.domains.totalCount).toBe(0);
    expect((await anonymous(server).query(document, { parent: 'north' })).code).toBe('UNAUTHENTICATED');
  });

  it('matches only readable rows when a filter field is readable for some rows only', async () => {
    mutableRules.set('UserFilter.search', loginHistoryRule);
    await named(admin, 'Searched');
    await named(ben, 'Searched');
    const colleague = await server.user('ADMIN');
    expect(await idsOf(colleague, { search: 'Searched' })).toEqual([ben.id]);
    expect(await idsOf(northAdmin, { search: ann.email })).toEqual([]);
  });

  it('rejects a filter by a field that the viewer cannot read', async () => {
    mutableRules.set('UserFilter.search', superadmin);
    const { data, errors } = await admin.query(list, { filter: { search: 'x' } });
    expect(data.users).toBeNull();
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', coordinate: 'UserFilter.search', rule: 'superadmin' });
  });
});

describe('a filter by role or domain name', () => {
  it('does not match a role or domain that the viewer cannot see', async () => {
    const reader = await server.user();
    const role = await server.db.prisma.role.create({ data: { name: 'FINDER', permissions: ['users:read'] } });
    await server.db.prisma.roleGrant.create({ data: { userId: reader.uuid, roleId: role.id } });
    await server.db.prisma.role.create({ data: { name: 'SECRET' } });
    await server.db.prisma.domain.create({ data: { name: 'locked', displayName: 'Locked', active: false } });
    const holder = await server.user();
    await server.grant(holder.uuid, 'SECRET');
    await server.grant(holder.uuid, 'FINDER', 'locked');
    const count = async (filter: object) => (await reader.query(list, { filter })).data.users.totalCount;
    expect([await count({ role: 'SECRET' }), await count({ domain: 'locked' }), await count({ role: 'FINDER' })]).toEqual([0, 0, 1]);
  });
});

describe('an order', () => {
  const document = 'query ($orderBy: UserOrder) { users(orderBy: $orderBy) { edges { node { email } } } }';

  it.each([
    ['no one may read', superadmin],
    ['is readable only for some rows', loginHistoryRule],
  ])('rejects an order by a field that %s', async (_, rule) => {
    mutableRules.set('UserOrder.email', rule);
    const { data, errors } = await admin.query(document, { orderBy: { email: 'ASC' } });
    expect(data.users).toBeNull();
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', coordinate: 'UserOrder.email' });
  });

  it('accepts one field only', async () => {
    expect((await admin.query(document, { orderBy: { email: 'ASC', displayName: 'ASC' } })).code).toBe('INVALID_INPUT');
  });
});
