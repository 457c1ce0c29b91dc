import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
for (const [name, parent] of [['top'], ['middle', 'top'], ['bottom', 'middle'], ['other']] as const) await server.domain(name, parent);
await server.db.prisma.role.create({ data: { name: 'EDITOR' } });

const sees = async (person: TestUser, other: TestUser) => {
  const { data } = await person.query('query ($id: ID!) { user(id: $id) { email } }', { id: other.id });
  return data.user?.email === other.email;
};
const expired = { expiresAt: new Date(Date.now() - 1_000) };
const rename = 'mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { displayName } } }';

describe('an administrator of a domain', () => {
  it('can see members of the domain and its children, but not of parents or siblings', async () => {
    const [top, middle, bottom] = [
      await server.user('ADMIN', 'top'),
      await server.user('ADMIN', 'middle'),
      await server.user('ADMIN', 'bottom'),
    ];
    const members = await Promise.all(['top', 'middle', 'bottom', 'other'].map((domain) => server.user('USER', domain)));
    const reach = (person: TestUser) => Promise.all(members.map((member) => sees(person, member)));
    expect(await reach(top)).toEqual([true, true, true, false]);
    expect(await reach(middle)).toEqual([false, true, true, false]);
    expect(await reach(bottom)).toEqual([false, false, true, false]);
  });

  it.each([
    ['is ADMIN in the domain', 'ADMIN', 'middle'],
    ['is ADMIN in the parent', 'ADMIN', 'top'],
    ['is ADMIN on the platform', 'ADMIN', undefined],
    ['is SUPERADMIN', 'SUPERADMIN', undefined],
  ] as const)('cannot see a member who %s', async (_, role, domain) => {
    const [person, member] = [await server.user('ADMIN', 'middle'), await server.user('USER', 'middle')];
    expect(await sees(person, member)).toBe(true);
    await server.grant(member.uuid, role, domain);
    expect(await sees(person, member)).toBe(false);
  });

  it('can see a member whose rank is in another domain or has expired', async () => {
    const [person, member] = [await server.user('ADMIN', 'middle'), await server.user('USER', 'middle')];
    await server.grant(member.uuid, 'ADMIN', 'other');
    const { id } = await server.grant(member.uuid, 'ADMIN');
    await server.db.prisma.roleGrant.update({ where: { id }, data: expired });
    expect(await sees(person, member)).toBe(true);
  });

  it('cannot see a former member whose grant has expired, even if they have roles elsewhere', async () => {
    const [person, member] = [await server.user('ADMIN', 'middle'), await server.user('USER', 'middle')];
    await server.db.prisma.roleGrant.updateMany({ where: { userId: member.uuid }, data: expired });
    await server.grant(member.uuid, 'USER', 'other');
    await server.grant(member.uuid, 'USER');
    expect(await sees(person, member)).toBe(false);
  });

  it('is not created by a role with a similar name', async () => {
    const [member, person] = [await server.user('USER', 'middle'), await server.user()];
    for (const name of ['BADMINTON', 'ADMIN_OF_ALL', 'SUPER_ADMIN']) {
      await server.db.prisma.role.create({ data: { name } });
      await server.grant(person.uuid, name, 'middle');
      await server.grant(person.uuid, name);
    }
    expect(await sees(person, member)).toBe(false);
  });
});

describe('a grant', () => {
  it.each<[string, string?]>([['ADMIN', 'middle'], ['ADMIN'], ['SUPERADMIN']])(
    'gives no access by a grant of %s that has expired',
    async (role, domain) => {
      const [person, member] = [await server.user(role, domain), await server.user('USER', 'middle')];
      expect(await sees(person, member)).toBe(true);
      await server.db.prisma.roleGrant.updateMany({ where: { userId: person.uuid }, data: expired });
      expect(await sees(person, member)).toBe(false);
      expect((await person.query('{ me { roles { role { name } } } }')).data.me.roles).toEqual([]);
    },
  );

  it('gives no access by a grant below an inactive domain, even if its own domain is active', async () => {
    const above = await server.domain('above');
    await server.domain('between', 'above');
    await server.domain('beneath', 'between');
    const [person, member] = [await server.user('ADMIN', 'beneath'), await server.user('USER', 'beneath')];
    expect(await sees(person, member)).toBe(true);
    await server.db.prisma.domain.update({ where: { id: above.id }, data: { active: false } });
    expect(await sees(person, member)).toBe(false);
  });

  it('gives no access by a grant in an inactive domain, there and below', async () => {
    const [closed] = [await server.domain('closed'), await server.domain('under', 'closed')];
    const person = await server.user('ADMIN', 'closed');
    await server.grant(person.uuid, 'EDITOR', 'closed');
    const members = [await server.user('USER', 'closed'), await server.user('USER', 'under')];
    const reach = async () => [await sees(person, members[0] as TestUser), await sees(person, members[1] as TestUser)];
    expect(await reach()).toEqual([true, true]);
    expect((await person.query('{ role(name: "EDITOR") { name } }')).data.role).toEqual({ name: 'EDITOR' });
    await server.db.prisma.domain.update({ where: { id: closed.id }, data: { active: false } });
    expect(await reach()).toEqual([false, false]);
    expect((await person.query('{ role(name: "EDITOR") { name } }')).code).toBe('NOT_FOUND');
    expect((await person.query(rename, { input: { id: closed.globalId, displayName: 'Mine' } })).code).toBe('FORBIDDEN');
  });
});

describe('a platform administrator', () => {
  it('cannot see details of another administrator, but a superadmin can', async () => {
    const document = 'query ($id: ID!) { user(id: $id) { email loginCount tokens { totalCount } } }';
    const [admin, other, superadmin] = [await server.user('ADMIN'), await server.user('ADMIN'), await server.user('SUPERADMIN')];
    const hidden = { email: other.email, loginCount: null, tokens: null };
    expect((await admin.query(document, { id: other.id })).data.user).toEqual(hidden);
    expect((await superadmin.query(document, { id: other.id })).data.user).toMatchObject({ loginCount: 1, tokens: { totalCount: 1 } });
    expect((await admin.query(document, { id: superadmin.id })).data.user).toMatchObject({ email: superadmin.email, loginCount: null });
  });

  it('can see details of a user whose rank has expired', async () => {
    const [admin, other] = [await server.user('ADMIN'), await server.user('ADMIN')];
    await server.db.prisma.roleGrant.updateMany({ where: { userId: other.uuid }, data: expired });
    const { data } = await admin.query('query ($id: ID!) { user(id: $id) { loginCount } }', { id: other.id });
    expect(data.user.loginCount).toBe(1);
  });
});
