import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { anonymous, comparableResult, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('hidden');
const inside = await server.domain('inside');
await server.domain('cellar', 'hidden');
const below = await server.domain('below', 'inside');
await server.db.prisma.domain.updateMany({ where: { name: { in: ['hidden', 'below'] } }, data: { active: false } });
const domainAdmin = await server.user('ADMIN', 'inside');
const admin = await server.user('ADMIN');
const colleague = await server.user('ADMIN');
const ann = await server.user('USER', 'inside');
await server.db.prisma.roleGrant.updateMany({ where: { userId: ann.uuid }, data: { grantedById: colleague.uuid } });
const ben = await server.user();

const unknown = (type: string) => encodeGlobalID(type, '01900000-0000-7000-8000-000000000000');
const denied = (coordinate: string, rule: unknown = expect.any(String)) => ({
  code: 'FORBIDDEN',
  coordinate,
  rule,
  decisionId: expect.any(String),
});

describe('a field', () => {
  it('is guarded by its rule on every path to it', async () => {
    const { data, errors } = await admin.query(
      `query ($ann: ID!) { user(id: $ann) { loginCount roles { user { loginCount } grantedBy { displayName loginCount roles { user { loginCount } } } } } }`,
      { ann: ann.id },
    );
    const [{ user, grantedBy }] = data.user.roles;
    expect([data.user.loginCount, user.loginCount]).toEqual([1, 1]);
    expect(grantedBy).toEqual({ displayName: expect.any(String), loginCount: null, roles: [{ user: { loginCount: null } }] });
    expect(errors?.map(({ path }) => path?.join('.'))).toEqual([
      'user.roles.0.grantedBy.loginCount',
      'user.roles.0.grantedBy.roles.0.user.loginCount',
    ]);
    for (const { extensions } of errors ?? []) expect(extensions).toEqual(denied('User.loginCount'));
  });

  it('is null when it is denied, while the rest of the response stands', async () => {
    const { data, errors } = await domainAdmin.query(
      'query ($ann: ID!) { user(id: $ann) { email tokens { totalCount } settings { totalCount } } }',
      {
        ann: ann.id,
      },
    );
    expect(data.user).toEqual({ email: ann.email, tokens: null, settings: null });
    expect(errors?.map(({ path, extensions }) => [path?.join('.'), extensions])).toEqual([
      ['user.tokens', denied('User.tokens')],
      ['user.settings', denied('User.settings')],
    ]);
  });

  it('is guarded by its rule behind aliases and in fragments', async () => {
    const { data, errors } = await domainAdmin.query(
      'query ($id: ID!) { a: user(id: $id) { ...F } b: node(id: $id) { ...F } } fragment F on User { times: loginCount loginCount }',
      { id: ann.id },
    );
    expect(data).toEqual({ a: { times: null, loginCount: null }, b: { times: null, loginCount: null } });
    expect(errors?.map(({ path }) => path?.join('.')).sort()).toEqual(['a.loginCount', 'a.times', 'b.loginCount', 'b.times']);
  });
});

describe('a row that the viewer cannot see', () => {
  const around = (to: TestUser) =>
    to.query(
      'query ($id: ID!) { user(id: $id) { roles { domain { name } grantedBy { id } } tokens { edges { node { user { id } } } } } }',
      {
        id: to.id,
      },
    );

  it('is null in a field that would return it', async () => {
    const { data, errors } = await around(ann);
    expect(data.user.roles).toEqual([{ domain: { name: 'inside' }, grantedBy: null }]);
    expect(data.user.tokens.edges).toEqual([{ node: { user: { id: ann.id } } }]);
    expect(errors).toBeUndefined();
  });

  it('is hidden among children, and hides the children of a domain', async () => {
    const document = `{ inside: domain(name: "inside") { children { totalCount edges { node { name } } } }
      cellar: domain(name: "cellar") { parent { name } } }`;
    for (const caller of [ben, domainAdmin])
      expect((await caller.query(document)).data).toEqual({ inside: { children: { totalCount: 0, edges: [] } }, cellar: null });
    expect((await admin.query(document)).data).toEqual({
      inside: { children: { totalCount: 1, edges: [{ node: { name: 'below' } }] } },
      cellar: { parent: { name: 'hidden' } },
    });
  });

  it.each([
    ['User', () => ann.id],
    ['Token', () => ann.tokenId],
    ['Domain', () => below.globalId],
    ['Role', async () => encodeGlobalID('Role', (await server.db.prisma.role.findUniqueOrThrow({ where: { name: 'SUPERADMIN' } })).id)],
    [
      'RoleGrant',
      async () => encodeGlobalID('RoleGrant', (await server.db.prisma.roleGrant.findFirstOrThrow({ where: { userId: ann.uuid } })).id),
    ],
  ])('returns the same response as an unknown row: %s', async (type, id) => {
    const document = 'query ($id: ID!, $ids: [ID!]!) { node(id: $id) { id } nodes(ids: $ids) { id } }';
    const send = async (one: string, caller: Pick<TestUser, 'query'>) => ({
      ...(await caller.query(document, { id: one, ids: [one] })),
      headers: null,
    });
    for (const caller of [ben, anonymous(server)]) {
      const hidden = await send(await id(), caller);
      expect(hidden).toEqual(await send(unknown(type), caller));
      expect(hidden).toMatchObject({ data: { node: null, nodes: [null] }, code: 'NOT_FOUND' });
    }
  });

  it.each([
    ['disableUser', 'id', () => ann.id, 'User'],
    ['setSetting', 'userId', () => ann.id, 'User'],
    ['revokeToken', 'id', () => ann.tokenId, 'Token'],
    ['updateDomain', 'id', () => below.globalId, 'Domain'],
  ])('makes mutations return the same error as for an unknown row: %s', async (mutation, field, id, type) => {
    const document = `mutation ($input: ${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!) { ${mutation}(input: $input) { __typename } }`;
    const send = async (one: string) =>
      comparableResult(await ben.query(document, { input: { [field]: one, ...(field === 'userId' && { key: 'k' }) } }));
    expect(await send(id())).toEqual(await send(unknown(type)));
  });
});

describe('nodes', () => {
  it('returns visible objects at their position and null with NOT_FOUND for all others', async () => {
    const ids = [ben.id, ann.id, inside.globalId, unknown('User'), ben.id, encodeGlobalID('Nothing', ann.uuid), ben.tokenId];
    const { data, errors } = await ben.query('query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }', { ids });
    expect(data.nodes.map((node: { id: string } | null) => node?.id ?? null)).toEqual([
      ben.id,
      null,
      inside.globalId,
      null,
      ben.id,
      null,
      ben.tokenId,
    ]);
    expect(errors?.map(({ path, extensions }) => [path?.[1], extensions.code])).toEqual([
      [1, 'NOT_FOUND'],
      [3, 'NOT_FOUND'],
      [5, 'NOT_FOUND'],
    ]);
  });

  it.each([
    '',
    'x',
    'VXNlcjo=',
    encodeGlobalID('User', 'x'),
    encodeGlobalID('TokenRevocation', ann.uuid),
    encodeGlobalID('constructor', ann.uuid),
  ])('returns an error for the malformed id "%s"', async (id) => {
    for (const document of ['query ($id: ID!) { node(id: $id) { id } }', 'query ($id: ID!) { nodes(ids: [$id]) { id } }']) {
      const { code } = await ben.query(document, { id });
      expect(['NOT_FOUND', 'INVALID_INPUT']).toContain(code);
    }
  });
});
