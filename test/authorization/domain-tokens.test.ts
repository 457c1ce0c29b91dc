import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { evaluateRule } from '../../src/authorization/evaluate/conditions.ts';
import { conditionsOf } from '../../src/authorization/rules/rule.ts';
import { generateToken, hashToken } from '../../src/identity/tokens/opaque-token.ts';
import { loadViewers } from '../../src/identity/viewer.ts';
import { permissions } from '../../src/policy/permissions.ts';
import { policy } from '../../src/policy/policy.ts';
import { startTestServer, type TestUser } from '../test-server.ts';
import { access, ruleOf } from './access.ts';

// An API token that was made in a domain reaches the rows of that domain and of those below it, whatever its owner may do elsewhere
// (docs/decisions/0032).

const server = await startTestServer();
const { prisma } = server.db;
const above = await server.domain('above');
const inside = await server.domain('inside', 'above');
const below = await server.domain('below', 'inside');
const abroad = await server.domain('abroad');
const everything = Object.keys(permissions);
await prisma.role.create({ data: { name: 'KEEPER', permissions: everything } });

/** Owners who reach both domains, each in another way. */
const owners: Record<string, TestUser> = {
  'an administrator of both domains': await server.user('ADMIN', 'inside'),
  'a holder of every permission in both domains': await server.user('KEEPER', 'inside'),
  'a holder of every permission everywhere': await server.user('KEEPER'),
  'an administrator of the domain above': await server.user('ADMIN', 'above'),
  'a platform administrator': await server.user('ADMIN'),
  'a superadmin': await server.user('SUPERADMIN'),
};
const [bothAdmin, bothKeeper, , aboveAdmin] = Object.values(owners) as [TestUser, TestUser, TestUser, TestUser];
await server.grant(bothAdmin.uuid, 'ADMIN', 'abroad');
await server.grant(bothKeeper.uuid, 'KEEPER', 'abroad');
await server.grant(aboveAdmin.uuid, 'ADMIN', 'abroad');
for (const name of ['a platform administrator', 'a superadmin', 'a holder of every permission everywhere'])
  await server.grant(owners[name]?.uuid as string, 'USER', 'inside');

const member = await server.user('USER', 'inside');
const deepMember = await server.user('USER', 'below');
const foreigner = await server.user('USER', 'abroad');
const later = () => new Date(Date.now() + 86_400_000);

type Bearer = Pick<TestUser, 'query'> & { readonly secret: string; readonly tokenId: string };

/** An API token with all scopes, as `createApiToken` stores it. */
async function tokenOf({ uuid, address }: TestUser, domainId: string | null = inside.id): Promise<Bearer> {
  const secret = generateToken('api');
  const made = { kind: 'API' as const, userId: uuid, domainId, scopes: everything, expiresAt: later(), idleExpiresAt: later() };
  const { id } = await prisma.token.create({ data: { ...made, secrets: { create: { hash: hashToken(secret) } } } });
  const query: TestUser['query'] = (document, variables) => server.query(document, variables, { token: secret, address });
  return { query, secret, tokenId: id };
}

const idsIn = ({ data }: { data: Record<string, { edges: { node: { id: string } }[] }> }) =>
  Object.values(data).flatMap(({ edges }) => edges.map(({ node }) => node.id));

/** A session of a user that was entered through a domain. */
const sessionIn = async ({ uuid }: TestUser, domainId: string | null) => {
  const data = { kind: 'SESSION' as const, userId: uuid, domainId, expiresAt: later(), idleExpiresAt: later() };
  return encodeGlobalID('Token', (await prisma.token.create({ data })).id);
};

describe('an API token of a domain', () => {
  it.each(Object.entries(owners))('of %s reads the users of that domain and no others', async (_, owner) => {
    const bearer = await tokenOf(owner);
    const found = idsIn(await bearer.query('{ users(first: 100) { edges { node { id } } } }'));
    expect(found).toEqual(expect.arrayContaining([owner.id, member.id]));
    expect(found).not.toContain(foreigner.id);
    for (const { id } of [foreigner, bothAdmin === owner ? foreigner : bothAdmin])
      expect((await bearer.query(`{ user(id: "${id}") { id } }`)).code).toBe('NOT_FOUND');
    const count = await bearer.query('{ users(filter: { domain: "abroad" }) { totalCount } }');
    expect(count.data.users.totalCount).toBe(0);
    const { data } = await bearer.query(`{ node(id: "${foreigner.id}") { id } nodes(ids: ["${foreigner.id}", "${member.id}"]) { id } }`);
    expect(data).toEqual({ node: null, nodes: [null, { id: member.id }] });
  });

  it.each(Object.entries(owners))('of %s changes nothing outside of it', async (_, owner) => {
    const bearer = await tokenOf(owner);
    const foreignSession = await sessionIn(foreigner, abroad.id);
    const ownElsewhere = await sessionIn(owner, abroad.id);
    const ownWithoutDomain = await sessionIn(owner, null);
    const id = (one: { id: string }) => `id: "${one.id}"`;
    const attempts = {
      [`updateDomain(input: { id: "${abroad.globalId}", displayName: "x" }) { domain { id } }`]: 'FORBIDDEN',
      [`updateDomain(input: { id: "${above.globalId}", displayName: "x" }) { domain { id } }`]: 'FORBIDDEN',
      [`updateDomain(input: { id: "${inside.globalId}", active: false }) { domain { id } }`]: 'FORBIDDEN',
      [`deleteDomain(input: { id: "${abroad.globalId}" }) { deletedId }`]: 'FORBIDDEN',
      'createDomain(input: { name: "new", displayName: "x" }) { domain { id } }': 'FORBIDDEN',
      'createUser(input: { email: "new@example.com" }) { user { id } }': 'FORBIDDEN',
      [`updateUser(input: { ${id(foreigner)}, firstName: "x" }) { user { id } }`]: 'NOT_FOUND',
      [`disableUser(input: { ${id(foreigner)} }) { changed }`]: 'FORBIDDEN',
      [`deleteUser(input: { ${id(foreigner)} }) { user { id } }`]: 'FORBIDDEN',
      [`revokeToken(input: { id: "${foreignSession}" }) { token { id } }`]: 'NOT_FOUND',
      [`revokeTokens(input: { userId: "${foreigner.id}" }) { ended }`]: 'NOT_FOUND',
      [`setSetting(input: { userId: "${foreigner.id}", key: "k", value: "v" }) { setting { id } }`]: 'NOT_FOUND',
      // What belongs to the owner, but not to the domain.
      'updateProfile(input: { firstName: "x" }) { user { id } }': 'FORBIDDEN',
      [`updateUser(input: { ${id(owner)}, firstName: "x" }) { user { id } }`]: 'FORBIDDEN',
      'setSetting(input: { key: "k", value: "v" }) { setting { id } }': 'FORBIDDEN',
      [`revokeToken(input: { id: "${ownElsewhere}" }) { token { id } }`]: 'NOT_FOUND',
      [`revokeToken(input: { id: "${ownWithoutDomain}" }) { token { id } }`]: 'NOT_FOUND',
      [`revokeTokens(input: { userId: "${owner.id}" }) { ended }`]: 'FORBIDDEN',
    };
    const codes: Record<string, string | undefined> = {};
    for (const attempt of Object.keys(attempts)) codes[attempt] = (await bearer.query(`mutation { ${attempt} }`)).code;
    expect(codes).toEqual(attempts);
    expect(await prisma.domain.findUniqueOrThrow({ where: { id: abroad.id } })).toMatchObject({ displayName: 'abroad' });
  });

  it('shows who its owner is, and nothing of the owner that belongs to other domains', async () => {
    const owner = bothAdmin;
    const [bearer, other] = [await tokenOf(owner), await tokenOf(owner, abroad.id)];
    await prisma.userSetting.create({ data: { userId: owner.uuid, key: 'theme', value: 'dark' } });
    await prisma.auditEvent.create({ data: { action: 'user_updated', result: 'ok', userId: owner.uuid } });
    await sessionIn(owner, null);
    const { data, errors } = await bearer.query(`{
      viewer { rights user { id } token { id } }
      me { id displayName email roles { domain { name } } fieldReads { totalCount } loginCount settings { totalCount } tokens { totalCount } }
      auditEvents(filter: { user: "${owner.id}" }) { totalCount }
    }`);
    expect(data.viewer).toEqual({ rights: [], user: { id: owner.id }, token: { id: encodeGlobalID('Token', bearer.tokenId) } });
    expect(data.me).toMatchObject({ id: owner.id, email: owner.email, roles: [{ domain: { name: 'inside' } }], loginCount: null });
    expect(data.me).toMatchObject({ settings: null, tokens: null });
    expect(data.me.fieldReads?.totalCount ?? 0).toBe(0);
    expect(data.auditEvents.totalCount).toBe(0);
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(errors?.map(() => 'FORBIDDEN'));
    for (const id of [encodeGlobalID('Token', other.tokenId), owner.tokenId])
      expect((await bearer.query(`{ node(id: "${id}") { id } }`)).data.node).toBeNull();
  });

  it('shows other domains as anonymous callers see them', async () => {
    const bearer = await tokenOf(owners['a superadmin'] as TestUser);
    const document = (name: string) => `{ domain(name: "${name}") { name displayName active children { totalCount } } }`;
    expect((await bearer.query(document('inside'))).data.domain).toMatchObject({ displayName: 'inside', active: true });
    expect((await bearer.query(document('below'))).data.domain).toMatchObject({ displayName: 'below' });
    for (const name of ['abroad', 'above'])
      expect((await bearer.query(document(name))).data.domain).toEqual({ name, displayName: null, active: null, children: null });
    const found = await bearer.query('{ domains(filter: { search: "a" }) { edges { node { name } } } }');
    expect(found.data.domains.edges).toEqual([]);
  });

  it('changes its own domain and those below as its administrator does', async () => {
    for (const name of [
      'an administrator of both domains',
      'an administrator of the domain above',
      'a platform administrator',
      'a superadmin',
    ]) {
      const bearer = await tokenOf(owners[name] as TestUser);
      for (const { globalId } of [inside, below]) {
        const rename = `mutation { updateDomain(input: { id: "${globalId}", displayName: "${name}" }) { domain { displayName } } }`;
        expect((await bearer.query(rename)).data.updateDomain.domain.displayName).toBe(name);
      }
      const write = `mutation { updateUser(input: { id: "${deepMember.id}", firstName: "${name}" }) { user { firstName } } }`;
      expect((await bearer.query(write)).data.updateUser.user.firstName).toBe(name);
      const session = await sessionIn(member, inside.id);
      expect((await bearer.query(`mutation { revokeToken(input: { id: "${session}" }) { token { id } } }`)).errors).toBeUndefined();
    }
    await prisma.domain.updateMany({ where: { id: { in: [inside.id, below.id] } }, data: { displayName: 'inside' } });
    await prisma.domain.update({ where: { id: below.id }, data: { displayName: 'below' } });
  });

  it('of an administrator neither shows nor changes a disabled domain below', async () => {
    const { id, globalId } = await server.domain('closed', 'inside');
    await prisma.domain.update({ where: { id }, data: { active: false } });
    for (const [name, owner] of Object.entries(owners)) {
      if (name.includes('every permission')) continue;
      const bearer = await tokenOf(owner);
      const rename = `mutation { updateDomain(input: { id: "${globalId}", displayName: "open" }) { domain { id } } }`;
      expect((await bearer.query(rename)).code).toBe('NOT_FOUND');
    }
    await prisma.domain.delete({ where: { id } });
  });

  it('does not reach users who administer a domain above', async () => {
    const bearer = await tokenOf(owners['a superadmin'] as TestUser);
    expect((await bearer.query(`{ user(id: "${aboveAdmin.id}") { id } }`)).code).toBe('NOT_FOUND');
  });

  it.each(Object.entries(owners))('of %s follows the revocations of that domain only', async (name, owner) => {
    const bearer = await tokenOf(owner);
    const codeOf = async (args: string) => (await bearer.query(`{ tokenRevocations(${args}) { edges { node { tokenId } } } }`)).code;
    expect(await codeOf('all: true')).toBe('FORBIDDEN');
    expect(await codeOf('domain: "abroad"')).toBe('NOT_FOUND');
    expect(await codeOf(`userId: "${foreigner.id}"`)).toBe('NOT_FOUND');
    if (!name.includes('every permission')) expect(await codeOf('domain: "inside"')).toBeUndefined();
    const revocation = { userId: owner.uuid, kind: 'SESSION', reason: 'LOGOUT', initiator: 'USER' } as const;
    const tokenIds = ['a', 'b', 'c'].map((digit) => `01900000-0000-7000-8000-00000000000${digit}`);
    for (const [index, domainId] of [inside.id, abroad.id, null].entries())
      await prisma.tokenRevocation.create({ data: { ...revocation, domainId, tokenId: tokenIds[index] as string } });
    const own = await bearer.query('{ tokenRevocations(first: 100) { edges { node { sid } } } }');
    const seen = own.data.tokenRevocations.edges.map(({ node }: { node: { sid: string } }) => node.sid);
    expect(seen).toEqual([tokenIds[0]]);
    await prisma.tokenRevocation.deleteMany({ where: { userId: owner.uuid } });
  });

  it.each(Object.entries(owners))('of %s is rejected by the endpoints that serve all domains', async (_, owner) => {
    const bearer = await tokenOf(owner);
    const authorization = `Bearer ${bearer.secret}`;
    const form = { method: 'POST', body: new URLSearchParams({ token: owner.accessToken ?? '' }), headers: { authorization } };
    const json = { method: 'POST', body: '{"returnImmediately":true}', headers: { authorization, 'content-type': 'application/json' } };
    const statuses = [
      (await fetch(`${server.url}/oauth/introspect`, form)).status,
      (await fetch(`${server.url}/oauth/revoke`, form)).status,
      (await fetch(`${server.url}/revocations/snapshot`, { headers: { authorization } })).status,
      (await fetch(`${server.url}/events/poll`, json)).status,
    ];
    expect(statuses).toEqual([403, 403, 403, 403]);
    expect((await owner.query('{ me { id } }')).data.me.id).toBe(owner.id);
  });

  it('is introspected with the name of its domain', async () => {
    const [bearer, free] = [await tokenOf(bothAdmin), await tokenOf(bothAdmin, null)];
    const resourceServer = await tokenOf(owners['a superadmin'] as TestUser, null);
    const introspect = async (token: string) => {
      const headers = { authorization: `Bearer ${resourceServer.secret}` };
      return (await fetch(`${server.url}/oauth/introspect`, { method: 'POST', headers, body: new URLSearchParams({ token }) })).json();
    };
    expect(await introspect(bearer.secret)).toMatchObject({ active: true, domain: 'inside' });
    expect(await introspect(free.secret)).not.toHaveProperty('domain');
  });

  it('explains its access as it is, without what its owner may do elsewhere', async () => {
    const bearer = await tokenOf(bothAdmin);
    const explain = async (coordinate: string, nodeId?: string) =>
      (
        await bearer.query(
          `query ($nodeId: ID) { explainAccess(coordinate: "${coordinate}", nodeId: $nodeId) { allowed wouldSatisfy satisfiedBy { domain { name } } } }`,
          { nodeId },
        )
      ).data.explainAccess;
    expect(await explain('Mutation.updateDomain', inside.globalId)).toMatchObject({
      allowed: true,
      satisfiedBy: [{ domain: { name: 'inside' } }],
    });
    expect(await explain('Mutation.updateDomain', abroad.globalId)).toMatchObject({ allowed: false });
    expect(await explain('Mutation.createDomain')).toEqual({
      allowed: false,
      satisfiedBy: [],
      wouldSatisfy: ['session with role SUPERADMIN'],
    });
    expect(await explain('Mutation.updateProfile', bothAdmin.id)).toMatchObject({ allowed: false });
    const document = `mutation { updateDomain(input: { id: "${abroad.globalId}", displayName: "x" }) { domain { id } } }`;
    const check = await bearer.query('query ($document: String!) { checkOperation(document: $document) { allowed } }', { document });
    expect(check.data.checkOperation.allowed).toBe(false);
    const { data } = await bearer.query(`{ me { viewerAccess { writable operations { name allowed } } } }`);
    expect(data.me.viewerAccess.writable).toEqual([]);
    expect(data.me.viewerAccess.operations.filter(({ allowed }: { allowed: boolean }) => allowed)).toEqual([]);
  });

  it('meets the rule of no mutation on its owner', async () => {
    const bearer = await tokenOf(owners['a superadmin'] as TestUser);
    const [loaded] = await loadViewers(server.db, [{ sid: bearer.tokenId, sub: (owners['a superadmin'] as TestUser).uuid }], 600_000);
    if (!loaded) throw new Error('no viewer');
    const met = [...access.mutationTargets].flatMap(([coordinate, { model }]) => {
      const decision = evaluateRule(policy, ruleOf(coordinate), loaded.viewer, { model, row: loaded.viewer.user as never });
      return model === 'User' && decision !== false && !conditionsOf(ruleOf(coordinate)).some(({ is }) => is === 'domainAdmin')
        ? [coordinate]
        : [];
    });
    expect(met).toEqual([]);
  });
});

describe('other credentials', () => {
  it('reach everything that their owner reaches: an API token of no domain, and a session that was entered through a domain', async () => {
    const free = await tokenOf(bothAdmin, null);
    await prisma.token.updateMany({ where: { userId: bothAdmin.uuid, kind: 'SESSION', domainId: null }, data: { domainId: inside.id } });
    for (const caller of [free, bothAdmin]) {
      expect((await caller.query(`{ user(id: "${foreigner.id}") { id } }`)).data.user).toEqual({ id: foreigner.id });
      expect((await caller.query('mutation { updateProfile(input: { firstName: "Ada" }) { user { id } } }')).errors).toBeUndefined();
    }
  });
});
