import { describe, expect, it } from 'vitest';
import { loginIdentifier } from '../../src/identity/accounts/username.ts';
import { graphql } from '../generated/gql.ts';
import type { UsersQueryVariables } from '../generated/graphql.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');
await server.domain('north-east', 'north');
await server.domain('south');
const admin = await server.user('ADMIN');

const query = graphql(`
  query Users($filter: UserFilter, $orderBy: UserOrder, $first: Int, $after: String, $last: Int, $before: String) {
    users(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges {
        cursor
        node {
          id
          displayName
        }
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        endCursor
      }
    }
  }
`);
const list = async (person: Pick<TestUser, 'query'>, variables: UsersQueryVariables = {}) =>
  (await person.query(query, variables)).data.users;
const ids = async (person: Pick<TestUser, 'query'>, variables: UsersQueryVariables = {}) =>
  (await list(person, { first: 100, ...variables }))?.edges.map(({ node }) => node.id);
const createUser = async (profile: object, ...user: Parameters<typeof server.user>) => {
  const person = await server.user(...user);
  await server.db.prisma.user.update({ where: { id: person.uuid }, data: profile });
  return person;
};

describe('users', () => {
  it('lists and counts only users that the viewer can see', async () => {
    const domainAdmin = await server.user('ADMIN', 'north');
    const [alice, below] = [await server.user('USER', 'north'), await server.user('USER', 'north-east')];
    await server.user('USER', 'south');
    expect(await ids(alice)).toEqual([alice.id]);
    expect((await list(alice))?.totalCount).toBe(1);
    expect(await ids(domainAdmin)).toEqual([domainAdmin.id, alice.id, below.id]);
    expect((await list(domainAdmin))?.totalCount).toBe(3);
    expect((await list(admin))?.totalCount).toBe(await server.db.prisma.user.count({ where: { deletedAt: null } }));
  });

  it('rejects an anonymous caller without a count', async () => {
    const { data, code } = await anonymous(server).query(query, {});
    expect(data.users).toBeNull();
    expect(code).toBe('UNAUTHENTICATED');
  });

  it('searches names, usernames and addresses, ignoring case', async () => {
    const ada = await createUser({
      displayName: 'Countess',
      firstName: 'Augusta',
      lastName: 'Lovelace',
      ...loginIdentifier('Enchantress'),
    });
    for (const search of ['counTESS', 'uGUst', 'velac', 'nCHAnt', ada.email.slice(0, 13).toUpperCase()])
      expect(await ids(admin, { filter: { search } })).toEqual([ada.id]);
  });

  it('treats % and _ in a search as plain characters', async () => {
    const odd = await createUser({ displayName: '100%_\\' });
    for (const search of ['0%', '%_', '_\\']) expect(await ids(admin, { filter: { search } })).toEqual([odd.id]);
    expect(await ids(admin, { filter: { search: '1_0' } })).toEqual([]);
  });

  it('filters by role, by domain, and by a role in a domain', async () => {
    await server.db.prisma.role.create({ data: { name: 'CLERK' } });
    const [clerk, both] = [await server.user('CLERK', 'north'), await server.user('CLERK', 'south')];
    await server.grant(both.uuid, 'USER', 'north');
    expect(await ids(admin, { filter: { role: 'CLERK' } })).toEqual([clerk.id, both.id]);
    expect(await ids(admin, { filter: { domain: 'south', search: both.email } })).toEqual([both.id]);
    expect(await ids(admin, { filter: { role: 'CLERK', domain: 'north' } })).toEqual([clerk.id]);
    expect(await ids(admin, { filter: { role: 'NONE' } })).toEqual([]);
  });

  it('does not match expired roles or roles that the viewer cannot see', async () => {
    await server.db.prisma.role.create({ data: { name: 'GUARD' } });
    const domainAdmin = await server.user('ADMIN', 'north');
    const [former, elsewhere] = [await server.user('GUARD', 'north'), await server.user('GUARD', 'south')];
    await server.grant(elsewhere.uuid, 'USER', 'north');
    await server.db.prisma.roleGrant.updateMany({ where: { userId: former.uuid }, data: { expiresAt: new Date(0) } });
    expect(await ids(admin, { filter: { role: 'GUARD' } })).toEqual([elsewhere.id]);
    expect(await ids(domainAdmin, { filter: { role: 'GUARD' } })).toEqual([]);
    expect(await ids(domainAdmin, { filter: { domain: 'south' } })).toEqual([]);
  });

  it('filters by enabled', async () => {
    const off = await createUser({ enabled: false });
    expect(await ids(admin, { filter: { enabled: false } })).toEqual([off.id]);
    expect(await ids(admin, { filter: { enabled: true, search: off.email } })).toEqual([]);
  });

  it('excludes deleted users from list and count by default', async () => {
    const gone = await createUser({ deletedAt: new Date(), lastName: 'Departed' });
    const here = await createUser({ lastName: 'Departed' });
    expect(await ids(admin, { filter: { search: 'Departed' } })).toEqual([here.id]);
    expect((await list(admin, { filter: { search: 'Departed' } }))?.totalCount).toBe(1);
    expect(await ids(admin)).not.toContain(gone.id);
    expect(await ids(admin, { filter: { search: 'Departed', deleted: true } })).toEqual([gone.id]);
    expect(await ids(admin, { filter: { search: 'Departed', deleted: false } })).toEqual([here.id]);
    expect(await ids(here, { filter: { deleted: true } })).toEqual([]);
  });

  it('sorts by one field in either direction, with the id as tie-breaker', async () => {
    const names = ['Zoe', 'Yan', 'Yan', null];
    const people = [];
    for (const displayName of names) people.push((await createUser({ displayName, lastName: 'Ordered' })).id);
    const [zoe, yan, twin, unnamed] = people;
    const filter = { search: 'Ordered' };
    expect(await ids(admin, { filter, orderBy: { displayName: 'ASC' } })).toEqual([yan, twin, zoe, unnamed]);
    expect(await ids(admin, { filter, orderBy: { displayName: 'DESC' } })).toEqual([unnamed, zoe, twin, yan]);
    expect(await ids(admin, { filter, orderBy: { createdAt: 'DESC' } })).toEqual(people.toReversed());
    expect((await admin.query(query, { orderBy: { email: 'ASC', createdAt: 'ASC' } })).errors?.[0]?.extensions.fields).toHaveProperty(
      'orderBy',
    );
  });

  it.each([undefined, { displayName: 'ASC' }, { displayName: 'DESC' }, { createdAt: 'DESC' }] as const)(
    'returns every user exactly once over all pages, ordered by %o',
    async (orderBy) => {
      for (const displayName of ['Same', null, 'Same', null, 'Same']) await createUser({ displayName, firstName: 'Paged' });
      const filter = { search: 'Paged' };
      const variables = { filter, ...(orderBy && { orderBy }) };
      const pages: string[] = [];
      let after: string | null = null;
      do {
        const page = await list(admin, { ...variables, first: 2, after });
        pages.push(...(page?.edges ?? []).map(({ node }) => node.id));
        after = page?.pageInfo.hasNextPage ? (page.pageInfo.endCursor ?? null) : null;
      } while (after);
      expect(pages).toEqual(await ids(admin, variables));
      expect(new Set(pages).size).toBe((await list(admin, { filter }))?.totalCount);
    },
  );

  it('paginates backwards', async () => {
    const all = (await list(admin, { first: 100 }))?.edges ?? [];
    const page = await list(admin, { last: 2, before: all.at(-1)?.cursor ?? '' });
    expect(page?.edges).toEqual(all.slice(-3, -1));
    expect(page?.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: true });
    expect((await list(admin, { last: 1 }))?.edges).toEqual(all.slice(-1));
  });

  it('returns 20 users by default and at most 100', async () => {
    const rows = Array.from({ length: 100 }, (_, index) => ({ email: `n${index}@example.com`, emailKey: `n${index}@example.com` }));
    await server.db.prisma.user.createMany({ data: rows });
    expect((await list(admin))?.edges).toHaveLength(20);
    expect((await list(admin, { first: 100 }))?.edges).toHaveLength(100);
    expect((await list(admin, { last: 100 }))?.edges).toHaveLength(100);
  });

  it.each([
    [{ first: 0 }, 'first'],
    [{ first: -1 }, 'first'],
    [{ first: 101 }, 'first'],
    [{ last: 0 }, 'last'],
    [{ last: -1 }, 'last'],
    [{ last: 101 }, 'last'],
    [{ first: 1, last: 1 }, 'first'],
    [{ filter: { search: 'x'.repeat(121) } }, 'filter.search'],
    [{ filter: { role: 'x'.repeat(64) } }, 'filter.role'],
    [{ filter: { createdFrom: '0000-01-01T00:00:00Z' } }, 'filter.createdFrom'],
    [{ filter: { createdTo: '2100-01-01T00:00:00Z' } }, 'filter.createdTo'],
    [{ filter: { domain: 'a\u202eb' } }, 'filter.domain'],
  ])('rejects %o', async (variables, field) => {
    const { code, errors, data } = await admin.query(query, variables);
    expect({ code, users: data.users }).toEqual({ code: 'INVALID_INPUT', users: null });
    expect(errors?.[0]?.extensions.fields).toHaveProperty([field]);
  });

  it.each(['emailKey', 'password', 'loginCount', 'id', 'OR'])('has no filter and no order by %s', async (name) => {
    const filtered = await admin.query(`{ users(filter: { ${name}: "a" }) { totalCount } }`);
    const ordered = await admin.query(`{ users(orderBy: { ${name}: ASC }) { totalCount } }`);
    for (const { data, code, errors } of [filtered, ordered]) {
      expect([data, code]).toEqual([undefined, 'INVALID_INPUT']);
      expect(errors?.[0]?.message).toContain(`Field "${name}" is not defined by type`);
    }
  });
});
