import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('inside');
const viewer = await server.user('ADMIN');
const people = [
  viewer,
  await server.user(),
  await server.user('ADMIN'),
  await server.user('SUPERADMIN'),
  await server.user('USER', 'inside'),
];
const [, member, peer, superior, insider] = people as [TestUser, TestUser, TestUser, TestUser, TestUser];
const domainAdmin = await server.user('ADMIN', 'inside');

/** The login counts that the viewer, an ADMIN, may read: their own and those of unranked users. */
const counts = {
  [viewer.email]: 1,
  [member.email]: 1,
  [peer.email]: null,
  [superior.email]: null,
  [insider.email]: 1,
  [domainAdmin.email]: 1,
};
interface UserNode {
  readonly email: string;
  readonly viewerAccess: { readonly readable: string[]; readonly operations: { name: string; allowed: boolean }[] };
}
const countsIn = ({ edges }: { edges: { node: { email: string; loginCount: number | null } }[] }) =>
  Object.fromEntries(edges.map(({ node }) => [node.email, node.loginCount]));

describe('a page of a list', () => {
  it('decides the access to each row separately', async () => {
    const { data, errors } = await viewer.query('{ users { edges { node { email loginCount } } } }');
    expect(countsIn(data.users)).toEqual(counts);
    expect(errors?.map(({ path, extensions }) => [path?.at(-1), extensions.code, extensions.coordinate])).toEqual([
      ['loginCount', 'FORBIDDEN', 'User.loginCount'],
      ['loginCount', 'FORBIDDEN', 'User.loginCount'],
    ]);
  });

  it('decides equally for the same row on several pages of one operation', async () => {
    const page = (args: string) => `users(${args}) { edges { node { email loginCount } } }`;
    const { data } = await viewer.query(`{ all: ${page('first: 50')} head: ${page('first: 3')} tail: ${page('last: 4')} }`);
    expect(countsIn(data.all)).toEqual(counts);
    expect({ ...countsIn(data.head), ...countsIn(data.tail) }).toEqual(counts);
  });

  it('decides each field of a row that is selected under two aliases', async () => {
    const named = `named: users { edges { node { email ...Few } } } fully: users { edges { node { email ...Few tokens { totalCount } } } }`;
    const { data } = await viewer.query(`{ ${named} } fragment Few on Node { id ... on User { loginCount } }`);
    expect([countsIn(data.named), countsIn(data.fully)]).toEqual([counts, counts]);
    const denied = data.fully.edges.filter(({ node }: { node: { tokens: object | null } }) => !node.tokens);
    expect(denied.map(({ node }: { node: { email: string } }) => node.email).sort()).toEqual([peer.email, superior.email].sort());
  });

  it('shows in viewerAccess what the viewer may do with each row', async () => {
    const { data } = await viewer.query(
      '{ users { edges { node { email viewerAccess { readable operations { name allowed } } loginCount } } } }',
    );
    for (const { node } of data.users.edges) {
      expect(node.viewerAccess.readable.includes('loginCount')).toBe(node.loginCount !== null);
      const disable = node.viewerAccess.operations.find(({ name }: { name: string }) => name === 'disableUser');
      expect(disable.allowed).toBe(counts[node.email] !== null && node.email !== viewer.email);
    }
  });

  it('is denied as a whole when its field is denied', async () => {
    const { data, errors } = await viewer.query(`{ user(id: "${peer.id}") { email tokens { edges { node { id kind } } } } }`);
    expect(data.user).toEqual({ email: peer.email, tokens: null });
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', coordinate: 'User.tokens' });
  });

  it('is limited to the domain for a domain administrator', async () => {
    const { data } = await domainAdmin.query('{ users { edges { node { email loginCount roles { domain { name } } } } } }');
    expect(countsIn(data.users)).toEqual({ [domainAdmin.email]: 1, [insider.email]: null });
  });

  it('decides every rule that differs for the viewer', async () => {
    await server.domain('beside');
    await server.db.prisma.role.create({ data: { name: 'READER', description: 'Reads.', permissions: ['users:read'] } });
    const [both, known] = [await server.user('ADMIN', 'inside'), await server.user('USER', 'beside')];
    await server.grant(both.uuid, 'READER', 'beside');
    const { data } = await both.query('{ users { edges { node { email viewerAccess { readable operations { name allowed } } } } } }');
    const verdicts = data.users.edges.map(({ node }: { node: UserNode }) => [
      node.email,
      node.viewerAccess.readable.includes('email'),
      node.viewerAccess.operations.find(({ name }) => name === 'grantRole')?.allowed,
    ]);
    expect(verdicts).toContainEqual([insider.email, true, true]);
    expect(verdicts).toContainEqual([known.email, true, false]);
  });
});

describe('cached decisions', () => {
  it('are discarded after a mutation in the same operation', async () => {
    const [granter, holder] = [await server.user(), await server.user()];
    await server.db.prisma.roleGrant.updateMany({ where: { userId: holder.uuid }, data: { grantedById: granter.uuid } });
    await promoteWithSetting(granter);
    const seen = `enableUser(input: { id: "${holder.id}" }) { user { roles { grantedBy { email loginCount tokens { totalCount } } } } }`;
    const { data } = await viewer.query(
      `mutation { before: ${seen} setSetting(input: { key: "promote" }) { setting { key } } after: ${seen} }`,
    );
    const { email } = granter;
    expect(data.before.user.roles).toEqual([{ grantedBy: { email, loginCount: 1, tokens: { totalCount: 1 } } }]);
    expect(data.after.user.roles).toEqual([{ grantedBy: { email, loginCount: null, tokens: null } }]);
  });

  it('are discarded for a row that was read before', async () => {
    const granter = await server.user('USER', 'inside');
    await server.db.prisma.roleGrant.updateMany({ where: { userId: domainAdmin.uuid }, data: { grantedById: granter.uuid } });
    await promoteWithSetting(granter);
    const seen = 'updateProfile(input: { firstName: "Dom" }) { user { roles { grantedBy { email } } } }';
    const document = `mutation { before: ${seen} setSetting(input: { key: "promote" }) { setting { key } } after: ${seen} }`;
    const { data } = await domainAdmin.query(document);
    expect(data.before.user.roles).toEqual([{ grantedBy: { email: granter.email } }]);
    expect(data.after.user.roles).toEqual([{ grantedBy: null }]);
  });

  it('are discarded for the row that a mutation returns', async () => {
    const owner = await server.user();
    await promoteWithSetting(owner);
    const { data, errors } = await viewer.query(
      `mutation { setSetting(input: { userId: "${owner.id}", key: "promote" }) { setting { key } } }`,
    );
    expect(data.setSetting).toEqual({ setting: null });
    expect(errors?.map(({ path, extensions }) => [path?.join('.'), extensions.code])).toEqual([['setSetting.setting', 'NOT_FOUND']]);
  });
});

/** Installs a trigger that makes the user ADMIN when a setting is inserted, as a concurrent request might. */
async function promoteWithSetting({ uuid }: TestUser) {
  const promotion = `insert into "RoleGrant" ("userId", "roleId") select '${uuid}', id from "Role" where name = 'ADMIN'`;
  const body = `begin ${promotion}; return new; end`;
  const run = (text: string) => server.db.query({ text, values: [] });
  await run(`create or replace function promote() returns trigger language plpgsql as '${body.replaceAll("'", "''")}'`);
  await run('create or replace trigger promote after insert on "UserSetting" for each row execute function promote()');
}
