import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');
await server.db.prisma.role.create({ data: { name: 'CLERK', description: 'Files.', permissions: ['users:read'] } });
await server.db.prisma.role.create({ data: { name: 'SUPER_ADMIN' } });

const query = graphql(`
  query Role($name: String!) {
    role(name: $name) {
      name
      description
      permissions
      builtIn
    }
  }
`);
const list = graphql(`
  query Roles($first: Int, $after: String, $last: Int) {
    roles(first: $first, after: $after, last: $last) {
      totalCount
      edges {
        node {
          name
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
const all = (await server.db.prisma.role.findMany({ orderBy: { id: 'asc' } })).map(({ name }) => name);

describe('role', () => {
  it('is fully readable by its holders and by administrators', async () => {
    const whole = { name: 'CLERK', description: 'Files.', permissions: ['users:read'], builtIn: false };
    for (const person of [await server.user('CLERK'), await server.user('CLERK', 'north'), await server.user('ADMIN')])
      expect((await person.query(query, { name: 'CLERK' })).data.role).toEqual(whole);
  });

  it('shows only its name to domain administrators', async () => {
    const domainAdmin = await server.user('ADMIN', 'north');
    const { data, errors } = await domainAdmin.query(query, { name: 'CLERK' });
    expect(data.role).toEqual({ name: 'CLERK', description: null, permissions: null, builtIn: false });
    expect(errors?.map(({ path, extensions }) => [path?.[1], extensions.code])).toEqual([
      ['description', 'FORBIDDEN'],
      ['permissions', 'FORBIDDEN'],
    ]);
  });

  it('returns NOT_FOUND to other users and UNAUTHENTICATED to anonymous callers', async () => {
    const alice = await server.user();
    const hidden = await alice.query(query, { name: 'CLERK' });
    expect(hidden.code).toBe('NOT_FOUND');
    expect({ ...(await alice.query(query, { name: 'NONE' })), headers: null }).toEqual({ ...hidden, headers: null });
    expect((await anonymous(server).query(query, { name: 'USER' })).code).toBe('UNAUTHENTICATED');
  });

  it('matches the name exactly', async () => {
    const admin = await server.user('ADMIN');
    for (const name of ['clerk', 'CLERK ', 'CLER%']) expect((await admin.query(query, { name })).code, name).toBe('NOT_FOUND');
    for (const name of ['x'.repeat(64), 'A\u202e']) expect((await admin.query(query, { name })).code).toBe('INVALID_INPUT');
    expect((await admin.query('{ role(name: "\\u0000") { name } }')).code).toBe('INVALID_INPUT');
  });

  it('gives a rank only as ADMIN or SUPERADMIN, not by a similar name', async () => {
    const alice = await server.user('SUPER_ADMIN');
    expect((await alice.query('{ users { totalCount } }')).data.users.totalCount).toBe(1);
    expect((await alice.query('mutation { createRole(input: { name: "MINE" }) { role { name } } }')).code).toBe('FORBIDDEN');
  });
});

describe('roles', () => {
  const names = async (by: Awaited<ReturnType<typeof server.user>>, variables = {}) =>
    (await by.query(list, variables)).data.roles?.edges.map(({ node }) => node.name);

  it('lists and counts the roles that the viewer can see', async () => {
    const [alice, domainAdmin, admin] = [await server.user(), await server.user('ADMIN', 'north'), await server.user('ADMIN')];
    expect(await names(alice)).toEqual(['USER']);
    expect((await alice.query(list, {})).data.roles?.totalCount).toBe(1);
    for (const person of [domainAdmin, admin]) expect(await names(person)).toEqual(all);
    expect((await admin.query(list, {})).data.roles?.totalCount).toBe(all.length);
    expect((await anonymous(server).query(list, {})).code).toBe('UNAUTHENTICATED');
  });

  it('paginates forwards and backwards', async () => {
    const admin = await server.user('ADMIN');
    const first = (await admin.query(list, { first: 2 })).data.roles;
    const after = first?.pageInfo.endCursor ?? null;
    expect(first?.pageInfo.hasNextPage).toBe(true);
    expect(await names(admin, { first: 3, after })).toEqual(all.slice(2));
    expect(await names(admin, { last: 1 })).toEqual(all.slice(-1));
  });

  it.each([{ first: 0 }, { first: 101 }, { last: 101 }, { first: 1, last: 1 }])('rejects %o', async (variables) => {
    const admin = await server.user('ADMIN');
    expect((await admin.query(list, variables)).code).toBe('INVALID_INPUT');
  });

  it('rejects the cursor of a role that the viewer cannot see', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const after = (await admin.query(list, { last: 1 })).data.roles?.pageInfo.endCursor ?? null;
    expect((await alice.query(list, { after })).code).toBe('INVALID_INPUT');
  });
});
