import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { nobody, open } from '../test-server.ts';

const world = await open();
await world.domain('north');
await world.db.prisma.role.create({ data: { name: 'CLERK', description: 'Files.', permissions: ['users:read'] } });
await world.db.prisma.role.create({ data: { name: 'SUPER_ADMIN' } });

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
const all = (await world.db.prisma.role.findMany({ orderBy: { id: 'asc' } })).map(({ name }) => name);

describe('role', () => {
  it('is read whole by its holders and by administrators', async () => {
    const whole = { name: 'CLERK', description: 'Files.', permissions: ['users:read'], builtIn: false };
    for (const person of [await world.user('CLERK'), await world.user('CLERK', 'north'), await world.user('ADMIN')])
      expect((await person.ask(query, { name: 'CLERK' })).data.role).toEqual(whole);
  });

  it('is known by name only to the administrators of a domain, who grant it', async () => {
    const keeper = await world.user('ADMIN', 'north');
    const { data, errors } = await keeper.ask(query, { name: 'CLERK' });
    expect(data.role).toEqual({ name: 'CLERK', description: null, permissions: null, builtIn: false });
    expect(errors?.map(({ path, extensions }) => [path?.[1], extensions.code])).toEqual([
      ['description', 'FORBIDDEN'],
      ['permissions', 'FORBIDDEN'],
    ]);
  });

  it('does not exist for others, nor for nobody', async () => {
    const alice = await world.user();
    const hidden = await alice.ask(query, { name: 'CLERK' });
    expect(hidden.code).toBe('NOT_FOUND');
    expect({ ...(await alice.ask(query, { name: 'NONE' })), headers: null }).toEqual({ ...hidden, headers: null });
    expect((await nobody(world).ask(query, { name: 'USER' })).code).toBe('UNAUTHENTICATED');
  });

  it('is found by its very name', async () => {
    const admin = await world.user('ADMIN');
    for (const name of ['clerk', 'CLERK ', 'CLER%']) expect((await admin.ask(query, { name })).code, name).toBe('NOT_FOUND');
    for (const name of ['x'.repeat(64), 'A\u202e']) expect((await admin.ask(query, { name })).code).toBe('INVALID_INPUT');
    expect((await admin.ask('{ role(name: "\\u0000") { name } }')).code).toBe('INVALID_INPUT');
  });

  it('gives a rank by being ADMIN or SUPERADMIN, not by a name like it', async () => {
    const alice = await world.user('SUPER_ADMIN');
    expect((await alice.ask('{ users { totalCount } }')).data.users.totalCount).toBe(1);
    expect((await alice.ask('mutation { createRole(input: { name: "MINE" }) { role { name } } }')).code).toBe('FORBIDDEN');
  });
});

describe('roles', () => {
  const names = async (by: Awaited<ReturnType<typeof world.user>>, variables = {}) =>
    (await by.ask(list, variables)).data.roles?.edges.map(({ node }) => node.name);

  it('lists and counts the roles that the viewer may know of', async () => {
    const [alice, keeper, admin] = [await world.user(), await world.user('ADMIN', 'north'), await world.user('ADMIN')];
    expect(await names(alice)).toEqual(['USER']);
    expect((await alice.ask(list, {})).data.roles?.totalCount).toBe(1);
    for (const person of [keeper, admin]) expect(await names(person)).toEqual(all);
    expect((await admin.ask(list, {})).data.roles?.totalCount).toBe(all.length);
    expect((await nobody(world).ask(list, {})).code).toBe('UNAUTHENTICATED');
  });

  it('goes page by page', async () => {
    const admin = await world.user('ADMIN');
    const first = (await admin.ask(list, { first: 2 })).data.roles;
    const after = first?.pageInfo.endCursor ?? null;
    expect(first?.pageInfo.hasNextPage).toBe(true);
    expect(await names(admin, { first: 3, after })).toEqual(all.slice(2));
    expect(await names(admin, { last: 1 })).toEqual(all.slice(-1));
  });

  it.each([{ first: 0 }, { first: 101 }, { last: 101 }, { first: 1, last: 1 }])('refuses %o', async (variables) => {
    const admin = await world.user('ADMIN');
    expect((await admin.ask(list, variables)).code).toBe('INVALID_INPUT');
  });

  it('refuses the cursor of a role that the viewer may not know of', async () => {
    const [admin, alice] = [await world.user('ADMIN'), await world.user()];
    const after = (await admin.ask(list, { last: 1 })).data.roles?.pageInfo.endCursor ?? null;
    expect((await alice.ask(list, { after })).code).toBe('INVALID_INPUT');
  });
});
