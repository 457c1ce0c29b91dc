import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { anonymous, comparableResult, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('above');
await server.domain('inside', 'above');
await server.domain('abroad');
await server.db.prisma.role.create({ data: { name: 'READER', permissions: ['users:read'] } });
const [ann, admin, superadmin] = [await server.user('USER', 'inside'), await server.user('ADMIN'), await server.user('SUPERADMIN')];
const [parentAdmin, foreignAdmin, reader] = [
  await server.user('ADMIN', 'above'),
  await server.user('ADMIN', 'abroad'),
  await server.user('READER', 'inside'),
];

const document = `query ($coordinate: String!, $nodeId: ID, $as: ID) {
  explainAccess(coordinate: $coordinate, nodeId: $nodeId, as: $as) {
    coordinate allowed rule tree wouldSatisfy satisfiedBy { role { name } domain { name } }
  }
}`;
const send = (caller: Pick<TestUser, 'query'>, coordinate: string, nodeId?: string, as?: string) =>
  caller.query(document, { coordinate, nodeId, as });
const explain = async (...args: Parameters<typeof send>) => (await send(...args)).data.explainAccess;

interface Part {
  is?: string;
  met: boolean | null;
  by?: object[];
  any?: Part[];
  all?: Part[];
}
const leaves = (part: Part): Part[] => (part.is ? [part] : (part.any ?? part.all ?? []).flatMap(leaves));
const metOf = (tree: Part) => Object.fromEntries(leaves(tree).map(({ is, met }) => [is, met]));

describe('explainAccess', () => {
  it('shows the verdict of each condition to an administrator of the row, with the grant in a parent domain', async () => {
    const { allowed, tree, satisfiedBy, wouldSatisfy } = await explain(parentAdmin, 'User.email', ann.id);
    expect(allowed).toBe(true);
    expect(metOf(tree)).toEqual({ scope: true, self: false, domainAdmin: true, admin: false, may: false });
    const by = { grant: expect.any(String), role: 'ADMIN', domain: 'above' };
    expect(leaves(tree).find(({ is }) => is === 'domainAdmin')?.by).toEqual([by]);
    expect(satisfiedBy).toEqual([{ role: { name: 'ADMIN' }, domain: { name: 'above' } }]);
    expect(wouldSatisfy).toEqual([]);
  });

  it('shows other callers only conditions that do not depend on the row', async () => {
    const { allowed, tree, satisfiedBy, wouldSatisfy } = await explain(reader, 'User.loginCount', ann.id);
    expect([allowed, satisfiedBy]).toEqual([false, null]);
    expect(metOf(tree)).toMatchObject({ scope: true, self: false, admin: false, outranks: false, may: null });
    expect(wouldSatisfy).toEqual(['role ADMIN']);
  });

  it('returns the same error for a row that the viewer cannot see as for an unknown one', async () => {
    const unknown = encodeGlobalID('User', '01900000-0000-7000-8000-000000000000');
    for (const caller of [foreignAdmin, anonymous(server)]) {
      const hidden = await send(caller, 'User.email', ann.id);
      expect(hidden.code).toBe('NOT_FOUND');
      expect(comparableResult(hidden)).toEqual(comparableResult(await send(caller, 'User.email', unknown)));
      expect(comparableResult(await send(caller, 'Mutation.disableUser', ann.id))).toEqual(
        comparableResult(await send(caller, 'Mutation.disableUser', unknown)),
      );
    }
  });

  it('shows platform administrators everything about another user', async () => {
    const { allowed, tree, satisfiedBy } = await explain(admin, 'User.email', ann.id, parentAdmin.id);
    expect([allowed, satisfiedBy]).toEqual([true, [{ role: { name: 'ADMIN' }, domain: { name: 'above' } }]]);
    expect(metOf(tree)).toMatchObject({ domainAdmin: true, admin: false });
    expect(await explain(admin, 'Query.users', undefined, ann.id)).toMatchObject({ allowed: true });
  });

  it('shows domain administrators only whether a member has access, without reasons, and only within the domain', async () => {
    const { allowed, tree, satisfiedBy, wouldSatisfy } = await explain(parentAdmin, 'User.email', ann.id, reader.id);
    expect([allowed, satisfiedBy, wouldSatisfy]).toEqual([true, null, []]);
    expect(leaves(tree).every(({ met }) => met === null)).toBe(true);
    expect((await send(parentAdmin, 'Query.users', undefined, reader.id)).code).toBe('FORBIDDEN');
    const [open_] = await server.db.prisma.domain.findMany({ where: { name: 'abroad' } });
    expect((await send(parentAdmin, 'Domain.name', encodeGlobalID('Domain', open_?.id ?? ''), reader.id)).code).toBe('FORBIDDEN');
  });

  it('does not reveal grants of a member in other domains', async () => {
    const [member, elsewhere] = [await server.user('USER', 'inside'), await server.user('USER', 'inside')];
    await server.grant(elsewhere.uuid, 'READER');
    await server.grant(elsewhere.uuid, 'ADMIN', 'abroad');
    const role = await server.db.prisma.role.findUniqueOrThrow({ where: { name: 'READER' } });
    const places = [
      ['Role.description', encodeGlobalID('Role', role.id)],
      ['User.email', ann.id],
    ] as const;
    for (const [coordinate, node] of places) {
      const answers = await Promise.all([member, elsewhere].map(({ id }) => send(parentAdmin, coordinate, node, id)));
      expect(comparableResult(answers[0] as never)).toEqual(comparableResult(answers[1] as never));
    }
    expect((await send(admin, 'User.email', ann.id, elsewhere.id)).data.explainAccess.allowed).toBe(true);
  });

  it('shows role and domain of a grant only to viewers who can see them', async () => {
    const input = { description: 'd', scopes: ['users:read'] };
    const made = await admin.query('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }', { input });
    const token = made.data.createApiToken.secret;
    const { data } = await server.query('{ explainAccess(coordinate: "Subscription.tokenRevoked(all:)") { tree } }', {}, { token });
    const [asAdmin] = data.explainAccess.tree.any;
    expect(asAdmin.by).toEqual([{ grant: expect.any(String), role: null, domain: null }]);
  });

  it('rejects questions about users outside the domains of the caller', async () => {
    expect((await send(reader, 'User.email', ann.id, ann.id)).code).toBe('FORBIDDEN');
    expect((await send(reader, 'User.email', ann.id, superadmin.id)).code).toBe('NOT_FOUND');
    expect((await send(foreignAdmin, 'User.email', foreignAdmin.id, ann.id)).code).toBe('NOT_FOUND');
    expect((await send(anonymous(server), 'Query.users', undefined, ann.id)).code).toBe('UNAUTHENTICATED');
  });

  it('suggests changes that would allow access, and they do', async () => {
    const carl = await server.user('USER', 'inside');
    const { wouldSatisfy } = await explain(admin, 'User.email', ann.id, carl.id);
    expect(wouldSatisfy).toEqual(['a role that permits users:read', 'role ADMIN in inside', 'role ADMIN']);
    await server.grant(carl.uuid, 'ADMIN', 'inside');
    expect((await explain(admin, 'User.email', ann.id, carl.id)).allowed).toBe(true);
    expect((await explain(admin, 'User.loginCount', superadmin.id, admin.id)).wouldSatisfy).toEqual(['role SUPERADMIN']);
    expect((await explain(admin, 'Mutation.disableUser', superadmin.id, ann.id)).wouldSatisfy).toEqual(['role SUPERADMIN']);
    expect((await explain(admin, 'Mutation.disableUser', ann.id, reader.id)).wouldSatisfy).toEqual(['role ADMIN']);
    expect((await explain(anonymous(server), 'Query.users')).wouldSatisfy).toEqual(['log in']);
  });

  it('suggests reauthentication for a stale session and scopes for an API token', async () => {
    const input = { description: 'd', scopes: ['roles:read'] };
    const made = await admin.query('mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }', { input });
    const bot = { query: (text: never, values: never) => server.query(text, values, { token: made.data.createApiToken.secret }) };
    expect((await explain(bot as never, 'Query.users')).wouldSatisfy).toEqual(['scope users:read', 'session']);
    expect((await explain(bot as never, 'Query.roles')).allowed).toBe(true);
    const old = await server.user();
    await server.db.prisma.token.updateMany({ where: { userId: old.uuid }, data: { authenticatedAt: new Date(Date.now() - 3_600_000) } });
    expect(await explain(old, 'Mutation.createApiToken')).toMatchObject({ allowed: false, wouldSatisfy: ['reauthenticate'] });
  });

  it.each([
    ['an unknown coordinate', 'User.shoeSize', undefined, 'coordinate'],
    ['a missing object when the rule depends on one', 'User.email', undefined, 'nodeId'],
    ['an object of another type', 'Role.name', () => ann.id, 'nodeId'],
    ['an object when the rule does not depend on one', 'Query.users', () => ann.id, 'nodeId'],
  ])('rejects %s', async (_, coordinate, nodeId, field) => {
    const { errors, code } = await send(ann, coordinate, nodeId?.());
    expect(code).toBe('INVALID_INPUT');
    expect(errors?.[0]?.extensions.fields).toHaveProperty(field);
  });
});
