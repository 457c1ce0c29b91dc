import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('inside');
await server.user('SUPERADMIN');

const revoke = (person: TestUser, role: string) => `revokeRole(input: { userId: "${person.id}", role: "${role}" }) { changed }`;

describe('several mutations in one operation', () => {
  it('are authorized one after another, so the second is denied what the first gave up', async () => {
    const person = await server.user('SUPERADMIN');
    const { data, errors } = await person.query(
      `mutation { first: ${revoke(person, 'SUPERADMIN')} second: createRole(input: { name: "TOO_LATE" }) { role { name } } }`,
    );
    expect(data).toBeNull();
    expect(errors?.map(({ path, extensions }) => [path?.[0], extensions.code])).toEqual([['second', 'FORBIDDEN']]);
    expect(await server.db.prisma.role.count({ where: { name: 'TOO_LATE' } })).toBe(0);
    expect(await server.db.prisma.roleGrant.count({ where: { userId: person.uuid, role: { name: 'SUPERADMIN' } } })).toBe(0);
  });

  it('return fields with the permissions at the time of each mutation', async () => {
    const [person, granter, holder] = [await server.user('SUPERADMIN'), await server.user('ADMIN'), await server.user()];
    await server.grant(person.uuid, 'ADMIN');
    await server.db.prisma.roleGrant.updateMany({ where: { userId: holder.uuid }, data: { grantedById: granter.uuid } });
    const enable = `enableUser(input: { id: "${holder.id}" }) { user { roles { grantedBy { email loginCount } } } }`;
    const { data, errors } = await person.query(`mutation { before: ${enable} between: ${revoke(person, 'SUPERADMIN')} after: ${enable} }`);
    expect(data.before.user.roles).toEqual([{ grantedBy: { email: granter.email, loginCount: 1 } }]);
    expect(data.after.user.roles).toEqual([{ grantedBy: { email: granter.email, loginCount: null } }]);
    expect(errors?.map(({ path }) => path?.join('.'))).toEqual(['after.user.roles.0.grantedBy.loginCount']);
  });

  it('are anonymous after a logout', async () => {
    const person = await server.user();
    const { errors } = await person.query('mutation { logout { ended } updateProfile(input: { firstName: "Late" }) { user { id } } }');
    expect(errors?.map(({ path, extensions }) => [path?.[0], extensions.code])).toEqual([['updateProfile', 'UNAUTHENTICATED']]);
    expect((await server.db.prisma.user.findUniqueOrThrow({ where: { id: person.uuid } })).firstName).toBeNull();
  });
});

describe('a role', () => {
  it('takes effect on the next request without another login, and so does its revocation', async () => {
    const [person, other] = [await server.user(), await server.user('USER', 'inside')];
    const sees = async () => (await person.query('query ($id: ID!) { node(id: $id) { id } }', { id: other.id })).data.node !== null;
    expect(await sees()).toBe(false);
    const { id } = await server.grant(person.uuid, 'ADMIN', 'inside');
    expect(await sees()).toBe(true);
    await server.db.prisma.roleGrant.delete({ where: { id } });
    expect(await sees()).toBe(false);
  });
});

describe('a denied mutation', () => {
  it('changes nothing, not even the parts that would be allowed', async () => {
    const person = await server.user('ADMIN', 'inside');
    const { id } = (await person.query('{ domain(name: "inside") { id } }')).data.domain;
    const { code } = await person.query('mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { id } } }', {
      input: { id, displayName: 'Changed', active: false },
    });
    expect(code).toBe('FORBIDDEN');
    expect(await server.db.prisma.domain.findFirst({ where: { name: 'inside' } })).toMatchObject({ displayName: 'inside', active: true });
  });
});

describe('concurrent requests', () => {
  it('never return data of another caller', async () => {
    const member = await server.user('USER', 'inside');
    const people = [await server.user('SUPERADMIN'), await server.user(), await server.user('ADMIN', 'inside'), member];
    const { email } = member;
    const expected = [{ email, loginCount: 1 }, null, { email, loginCount: null }, { email, loginCount: 1 }];
    const document = `{ me { email tokens { edges { node { user { email } } } } } node(id: "${member.id}") { ... on User { email loginCount } } }`;
    const answers = await Promise.all(Array.from({ length: 200 }, (_, at) => people[at % 4]?.query(document)));
    for (const [at, answer] of answers.entries()) {
      const own = people[at % 4]?.email;
      expect(answer?.data.me).toEqual({ email: own, tokens: { edges: [{ node: { user: { email: own } } }] } });
      expect(answer?.data.node).toEqual(expected[at % 4]);
    }
  });
});
