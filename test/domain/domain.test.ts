import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import type { DomainsQueryVariables } from '../generated/graphql.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');
await server.domain('north-east', 'north');
await server.domain('south');
const closed = await server.domain('closed');
await server.domain('below-closed', 'closed');
await server.db.prisma.domain.update({ where: { id: closed.id }, data: { active: false, displayName: '100%' } });
const all = (await server.db.prisma.domain.findMany({ orderBy: { id: 'asc' } })).map(({ name }) => name);
const active = all.filter((name) => !name.includes('closed'));

const query = graphql(`
  query Domain($name: String!) {
    domain(name: $name) {
      name
      displayName
      active
      parent {
        name
      }
      children {
        totalCount
        edges {
          node {
            name
          }
        }
      }
    }
  }
`);
const list = graphql(`
  query Domains($filter: DomainFilter, $first: Int, $after: String, $last: Int, $before: String) {
    domains(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      edges {
        cursor
        node {
          name
        }
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`);
const names = async (by: Pick<TestUser, 'query'>, variables: DomainsQueryVariables = {}) =>
  (await by.query(list, variables)).data.domains?.edges.map(({ node }) => node.name);
const filtered = (by: Pick<TestUser, 'query'>, filter: DomainsQueryVariables['filter']) => names(by, { filter: filter ?? null });

describe('domain', () => {
  it('shows anonymous callers only the name of an active domain', async () => {
    const { data } = await anonymous(server).query('{ domain(name: "north") { id name } }');
    expect(data.domain.name).toBe('north');
    const whole = await anonymous(server).query(query, { name: 'north' });
    expect(whole.data.domain).toEqual({ name: 'north', displayName: null, active: null, parent: null, children: null });
    expect(new Set(whole.errors?.map(({ extensions }) => extensions.code))).toEqual(new Set(['UNAUTHENTICATED']));
  });

  it('shows authenticated users an active domain, its parent and its children', async () => {
    const alice = await server.user();
    const { data, errors } = await alice.query(query, { name: 'north' });
    expect(errors).toBeUndefined();
    expect(data.domain).toMatchObject({
      active: true,
      parent: null,
      children: { totalCount: 1, edges: [{ node: { name: 'north-east' } }] },
    });
    expect((await alice.query(query, { name: 'north-east' })).data.domain?.parent?.name).toBe('north');
  });

  it('hides an inactive domain, also as a parent, from everyone except platform administrators', async () => {
    const [alice, domainAdmin, admin] = [await server.user(), await server.user('ADMIN', 'closed'), await server.user('ADMIN')];
    const hidden = await alice.query(query, { name: 'closed' });
    expect(hidden.code).toBe('NOT_FOUND');
    expect({ ...(await alice.query(query, { name: 'none' })), headers: null }).toEqual({ ...hidden, headers: null });
    expect((await domainAdmin.query(query, { name: 'closed' })).code).toBe('NOT_FOUND');
    expect((await anonymous(server).query(query, { name: 'closed' })).code).toBe('NOT_FOUND');
    expect((await admin.query(query, { name: 'closed' })).data.domain).toMatchObject({ active: false, children: { totalCount: 1 } });
  });

  it('hides a domain below an inactive one like the inactive one, at any depth and however it came there', async () => {
    const [alice, admin] = [await server.user('USER', 'below-closed'), await server.user('ADMIN')];
    const [belowAdmin, superadmin] = [await server.user('ADMIN', 'below-closed'), await server.user('SUPERADMIN')];
    const shown = 'query ($name: String!) { domain(name: $name) { id active } }';
    const stateOf = async (by: Pick<TestUser, 'query'>, name: string) => {
      const { data, code } = await by.query(shown, { name });
      return code ?? data.domain.active;
    };
    const top = await server.domain('top');
    const nested = [
      await server.domain('nested', 'top'),
      await server.domain('deeper', 'nested'),
      await server.domain('deepest', 'deeper'),
    ];
    const update = (input: object) =>
      superadmin.query('mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { active } } }', { input });
    await update({ id: top.globalId, active: false });
    await server.domain('made-later', 'deepest');
    for (const name of ['below-closed', 'nested', 'deeper', 'deepest', 'made-later']) {
      for (const caller of [alice, belowAdmin]) expect(await stateOf(caller, name)).toBe('NOT_FOUND');
      expect((await anonymous(server).query('query ($name: String!) { domain(name: $name) { name } }', { name })).code).toBe('NOT_FOUND');
      expect(await stateOf(admin, name)).toBe(false);
    }
    const ids = nested.map(({ globalId }) => globalId);
    expect((await alice.query('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids })).data.nodes).toEqual([null, null, null]);
    const under = '{ domains(filter: { parent: "top" }) { totalCount } }';
    expect((await alice.query(under)).data.domains.totalCount).toBe(0);
    expect((await belowAdmin.query('{ me { roles { domain { name } } } }')).data.me.roles).toEqual([]);
    expect((await update({ id: ids[1], active: true })).data.updateDomain.domain.active).toBe(false);
    await update({ id: ids[1], active: false });
    await update({ id: top.globalId, active: true });
    for (const [name, expected] of Object.entries({ nested: true, deeper: 'NOT_FOUND', deepest: 'NOT_FOUND' }))
      expect(await stateOf(alice, name)).toBe(expected);
    await update({ id: ids[2], parent: 'nested' });
    expect(await stateOf(alice, 'deepest')).toBe(true);
    await update({ id: ids[2], parent: 'closed' });
    expect(await stateOf(alice, 'deepest')).toBe('NOT_FOUND');
    await server.db.prisma.domain.deleteMany({ where: { name: { in: ['made-later', 'deepest'] } } });
    await server.db.prisma.domain.deleteMany({ where: { name: 'deeper' } });
    await server.db.prisma.domain.deleteMany({ where: { name: 'nested' } });
    await server.db.prisma.domain.deleteMany({ where: { name: 'top' } });
  });

  it('cannot be granted in, invited to or entered below an inactive one', async () => {
    const [owner, alice] = [await server.user('SUPERADMIN'), await server.user('USER', 'below-closed')];
    const attempts = {
      'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { changed } }': { userId: alice.id, role: 'USER' },
      'mutation ($input: InviteUserInput!) { inviteUser(input: $input) { __typename } }': { email: 'new@example.com', role: 'USER' },
      'mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }': { email: 'new@example.com', role: 'USER' },
      'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }': { description: 'd', scopes: ['users:read'] },
    };
    for (const [document, input] of Object.entries(attempts)) {
      const { code, errors } = await owner.query(document, { input: { ...input, domain: 'below-closed' } });
      expect([document, code, Object.keys((errors?.[0]?.extensions.fields as object) ?? {})]).toEqual([
        document,
        'INVALID_INPUT',
        ['domain'],
      ]);
    }
    const login = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
    const { email, password } = alice;
    const codes = await Promise.all(
      ['below-closed', 'closed', 'no-such-domain'].map(
        async (domain) => (await server.query(login, { input: { email, password, domain } })).code,
      ),
    );
    expect(codes).toEqual(['DOMAIN_ACCESS_DENIED', 'DOMAIN_ACCESS_DENIED', 'DOMAIN_ACCESS_DENIED']);
  });

  it('rejects a malformed name', async () => {
    const alice = await server.user();
    expect((await alice.query(query, { name: 'x'.repeat(64) })).errors?.[0]?.extensions).toMatchObject({
      code: 'INVALID_INPUT',
      fields: { name: [expect.any(String)] },
    });
    expect((await alice.query('{ domain(name: "\\u0000") { name } }')).code).toBe('INVALID_INPUT');
  });
});

describe('domains', () => {
  it('lists and counts active domains for everyone and all domains for platform administrators', async () => {
    const [alice, domainAdmin, admin] = [await server.user(), await server.user('ADMIN', 'closed'), await server.user('ADMIN')];
    for (const person of [anonymous(server), alice, domainAdmin]) {
      expect(await names(person)).toEqual(active);
      expect((await person.query(list, {})).data.domains?.totalCount).toBe(active.length);
    }
    expect(await names(admin)).toEqual(all);
    expect((await admin.query(list, {})).data.domains?.totalCount).toBe(all.length);
  });

  it('filters by text, state and parent', async () => {
    const admin = await server.user('ADMIN');
    expect(await filtered(admin, { search: 'NORTH' })).toEqual(all.filter((name) => name.startsWith('north')));
    expect(await filtered(admin, { search: '0%' })).toEqual(['closed']);
    expect(await filtered(admin, { search: '_' })).toEqual([]);
    expect(await filtered(admin, { active: false })).toEqual(['closed', 'below-closed']);
    expect(await filtered(admin, { active: true })).toEqual(active);
    expect(await filtered(admin, { parent: 'closed' })).toEqual(['below-closed']);
    expect(await filtered(admin, { parent: 'north', search: 'south' })).toEqual([]);
  });

  it('does not filter by fields that the viewer cannot see', async () => {
    const alice = await server.user();
    for (const filter of [{ active: false }, { parent: 'closed' }, { search: '100' }]) {
      expect(await filtered(alice, filter)).toEqual([]);
      expect((await alice.query(list, { filter })).data.domains?.totalCount).toBe(0);
    }
    for (const filter of [{ active: false }, { parent: 'north' }, { search: 'nor' }])
      expect((await anonymous(server).query(list, { filter })).code).toBe('UNAUTHENTICATED');
  });

  it('paginates forwards and backwards', async () => {
    const admin = await server.user('ADMIN');
    const first = (await admin.query(list, { first: 2 })).data.domains;
    expect(first?.pageInfo.hasNextPage).toBe(true);
    expect(await names(admin, { first: 100, after: first?.edges.at(-1)?.cursor ?? null })).toEqual(all.slice(2));
    expect(await names(admin, { last: 1, before: first?.edges.at(-1)?.cursor ?? null })).toEqual(all.slice(0, 1));
  });

  it.each([
    { first: 0 },
    { first: 101 },
    { last: 0 },
    { first: 1, last: 1 },
    { after: 'nonsense' },
    { filter: { search: 'x'.repeat(121) } },
  ])('rejects %o', async (variables) => {
    const admin = await server.user('ADMIN');
    expect((await admin.query(list, variables)).code).toBe('INVALID_INPUT');
  });

  it('rejects the cursor of a domain that the viewer cannot see', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const edge = (await admin.query(list, {})).data.domains?.edges.find(({ node }) => node.name === 'closed');
    expect((await alice.query(list, { after: edge?.cursor ?? null })).code).toBe('INVALID_INPUT');
  });
});
