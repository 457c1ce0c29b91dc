import { describe, expect, it } from 'vitest';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
for (const [name, parent] of [['top'], ['middle', 'top'], ['bottom', 'middle']] as const) await server.domain(name, parent);
for (const [name, permissions] of [
  ['READER', ['users:read']],
  ['LIBRARIAN', ['roles:read', 'domains:read']],
  ['BARE', []],
] as const)
  await server.db.prisma.role.create({ data: { name, permissions: [...permissions] } });
const [ann, superadmin] = [await server.user('USER', 'middle'), await server.user('SUPERADMIN')];

const sees = async (person: Pick<TestUser, 'query'>, other = ann) =>
  (await person.query('query ($id: ID!) { user(id: $id) { email } }', { id: other.id })).data.user?.email === other.email;
const deactivate = (name: string) => server.db.prisma.domain.update({ where: { name }, data: { active: false } });
const activate = (name: string) => server.db.prisma.domain.update({ where: { name }, data: { active: true } });

describe('a permission of a role', () => {
  it('applies to everything when the role is granted on the platform, and to one domain when granted there', async () => {
    const reach = async (domain?: string) => sees(await server.user('READER', domain));
    expect([await reach(), await reach('middle'), await reach('top'), await reach('bottom')]).toEqual([true, true, false, false]);
    expect(await sees(await server.user('BARE', 'middle'))).toBe(false);
  });

  it('does not cover ranked users in the domain, nor logins, settings and tokens of any user', async () => {
    const reader = await server.user('READER', 'middle');
    for (const [role, domain] of [['ADMIN', 'middle'], ['ADMIN', 'top'], ['SUPERADMIN']] as const) {
      const member = await server.user('USER', 'middle');
      expect(await sees(reader, member)).toBe(true);
      await server.grant(member.uuid, role, domain);
      expect(await sees(reader, member)).toBe(false);
    }
    const { data, errors } = await reader.query(
      'query ($id: ID!) { user(id: $id) { loginCount settings { totalCount } tokens { totalCount } } }',
      {
        id: ann.id,
      },
    );
    expect([data.user, errors?.length]).toEqual([{ loginCount: null, settings: null, tokens: null }, 3]);
  });

  it("takes effect on the next request, and ends with the role's permission or the grant's expiry in database time", async () => {
    const reader = await server.user('READER', 'middle');
    const change = (permissions: string[]) => server.db.prisma.role.update({ where: { name: 'READER' }, data: { permissions } });
    await change([]);
    expect(await sees(reader)).toBe(false);
    await change(['users:read']);
    expect(await sees(reader)).toBe(true);
    await server.db.prisma.roleGrant.updateMany({ where: { userId: reader.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    expect(await sees(reader)).toBe(false);
  });

  it('is suspended while the domain or one of its parents is inactive', async () => {
    const reader = await server.user('READER', 'middle');
    for (const name of ['middle', 'top']) {
      await deactivate(name);
      expect(await sees(reader)).toBe(false);
      await activate(name);
      expect(await sees(reader)).toBe(true);
    }
  });

  it('limits lists, counts and filters to what it covers', async () => {
    await server.domain('cellar');
    const reader = await server.user('READER', 'cellar');
    await server.user('USER', 'cellar');
    const document = 'query ($filter: UserFilter) { users(filter: $filter) { totalCount edges { node { email } } } }';
    const { data } = await reader.query(document, {});
    expect([data.users.totalCount, data.users.edges.length]).toEqual([2, 2]);
    expect((await reader.query(document, { filter: { search: ann.email } })).data.users.totalCount).toBe(0);
    expect((await reader.query(document, { filter: { domain: 'middle' } })).data.users.totalCount).toBe(0);
  });

  it('covers roles, which belong to no domain, only when it is granted on the platform', async () => {
    const names = async (person: TestUser) => (await person.query('{ roles { totalCount } }')).data.roles.totalCount;
    expect(await names(await server.user('LIBRARIAN', 'middle'))).toBe(1);
    expect(await names(await server.user('LIBRARIAN'))).toBe(await server.db.prisma.role.count());
  });

  it('adds up over several roles', async () => {
    const person = await server.user('READER');
    const rights = async () => (await person.query('{ viewer { rights } users { totalCount } roles { totalCount } }')).data;
    expect((await rights()).viewer.rights).toEqual(['users:read']);
    await server.grant(person.uuid, 'LIBRARIAN');
    expect((await rights()).viewer.rights).toEqual(['domains:read', 'roles:read', 'users:read']);
    expect((await rights()).roles.totalCount).toBeGreaterThan(3);
  });

  it('is limited by the scopes of an API token', async () => {
    const reader = await server.user('READER');
    const mint = 'mutation ($scopes: [String!]!) { createApiToken(input: { description: "d", scopes: $scopes }) { secret } }';
    const tokenFor = async (scope: string) => (await reader.query(mint, { scopes: [scope] })).data.createApiToken.secret as string;
    const bot = (token: string): Pick<TestUser, 'query'> => ({
      query: (document, variables) => server.query(document, variables, { token }),
    });
    expect(await sees(bot(await tokenFor('users:read')))).toBe(true);
    expect((await bot(await tokenFor('roles:read')).query('query ($id: ID!) { user(id: $id) { email } }', { id: ann.id })).code).toBe(
      'FORBIDDEN',
    );
    expect((await anonymous(server).query('{ users { totalCount } }')).code).toBe('UNAUTHENTICATED');
  });

  it.each([
    ['createRole', 'mutation { createRole(input: { name: "NEW", permissions: ["users:fly"] }) { role { name } } }', 'permissions'],
    ['createApiToken', 'mutation { createApiToken(input: { description: "d", scopes: ["users:fly"] }) { secret } }', 'scopes'],
    ['grantRole, as an unknown role', `mutation { grantRole(input: { userId: "${ann.id}", role: "FLYER" }) { changed } }`, 'role'],
  ])('is rejected by %s when it is unknown', async (_, document, field) => {
    const { code, errors } = await superadmin.query(document);
    expect([code, Object.keys(errors?.[0]?.extensions.fields as object)]).toEqual(['INVALID_INPUT', [field]]);
  });
});

describe('moving a domain', () => {
  it('changes who administers it on the next request', async () => {
    const [left, right, moved] = [await server.domain('left'), await server.domain('right'), await server.domain('moved', 'left')];
    const [ofLeft, ofRight, member] = [
      await server.user('ADMIN', 'left'),
      await server.user('ADMIN', 'right'),
      await server.user('USER', 'moved'),
    ];
    const reach = async () => [await sees(ofLeft, member), await sees(ofRight, member)];
    expect(await reach()).toEqual([true, false]);
    const move = (parent: string) =>
      superadmin.query('mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { name } } }', {
        input: { id: moved.globalId, parent },
      });
    expect((await move(right.name)).errors).toBeUndefined();
    expect(await reach()).toEqual([false, true]);
    expect((await move(left.name)).errors).toBeUndefined();
    expect(await reach()).toEqual([true, false]);
  });
});
