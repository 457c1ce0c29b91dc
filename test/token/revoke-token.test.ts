import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const revokeToken = graphql(`
  mutation RevokeToken($input: RevokeTokenInput!) {
    revokeToken(input: $input) {
      tokenId
      changed
      token {
        id
        revokedReason
      }
    }
  }
`);
const meQuery = graphql(`query MeAfterRevocation { me { id } }`);
const createApiToken = 'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret token { id } } }';

const domains = {
  acme: await server.domain('acme'),
  'acme-east': await server.domain('acme-east', 'acme'),
  other: await server.domain('other'),
};
type Through = keyof typeof domains;

/** An active token of a user, as if created on another device. */
async function tokenOf({ uuid }: TestUser, kind: 'SESSION' | 'API' = 'SESSION', through?: Through) {
  const expiresAt = new Date(Date.now() + 86_400_000);
  const domainId = through ? domains[through].id : null;
  return prisma.token.create({ data: { userId: uuid, kind, domainId, expiresAt, idleExpiresAt: expiresAt } });
}
const revoke = (caller: Pick<TestUser, 'query'>, id: string) => caller.query(revokeToken, { input: { id: encodeGlobalID('Token', id) } });
const isLive = async (id: string) => (await prisma.token.findUniqueOrThrow({ where: { id } })).revokedAt === null;

const member = await server.user('USER', 'acme');
for (const name of ['acme-east', 'other']) await server.grant(member.uuid, 'USER', name);
const people = {
  anonymous: { query: server.query } as unknown as TestUser,
  member,
  'another user': await server.user('USER', 'acme'),
  'admin of acme': await server.user('ADMIN', 'acme'),
  'fellow admin of acme': await server.user('ADMIN', 'acme'),
  'admin of acme-east': await server.user('ADMIN', 'acme-east'),
  'admin of other': await server.user('ADMIN', 'other'),
  admin: await server.user('ADMIN'),
  'fellow admin': await server.user('ADMIN'),
  superadmin: await server.user('SUPERADMIN'),
  'fellow superadmin': await server.user('SUPERADMIN'),
};
for (const name of ['fellow admin', 'fellow superadmin'] as const) await server.grant(people[name].uuid, 'USER', 'acme');
type Who = keyof typeof people;

/** The owner, kind and domain of a token, and who may revoke it. Everyone else gets NOT_FOUND. */
const table: [owner: Who, kind: 'SESSION' | 'API', through: Through | undefined, may: Who[]][] = [
  ['member', 'SESSION', undefined, ['member', 'admin', 'superadmin']],
  ['member', 'SESSION', 'acme', ['member', 'admin of acme', 'admin', 'superadmin']],
  ['member', 'SESSION', 'acme-east', ['member', 'admin of acme', 'admin of acme-east', 'admin', 'superadmin']],
  ['member', 'SESSION', 'other', ['member', 'admin of other', 'admin', 'superadmin']],
  ['member', 'API', undefined, ['member', 'admin', 'superadmin']],
  ['member', 'API', 'acme', ['member', 'admin', 'superadmin']],
  ['fellow admin of acme', 'SESSION', 'acme', ['admin', 'superadmin']],
  ['admin of acme-east', 'SESSION', 'acme-east', ['admin of acme-east', 'admin', 'superadmin']],
  ['fellow admin', 'SESSION', 'acme', ['superadmin']],
  ['fellow admin', 'API', undefined, ['superadmin']],
  ['fellow superadmin', 'SESSION', 'acme', ['superadmin']],
  ['superadmin', 'SESSION', undefined, ['superadmin']],
];
const callers: Who[] = [
  'anonymous',
  'member',
  'another user',
  'admin of acme',
  'admin of acme-east',
  'admin of other',
  'admin',
  'superadmin',
];
const cases = table.flatMap(([owner, kind, through, may]) =>
  callers.map((caller) => [caller, owner, kind, through, may.includes(caller)] as const),
);

describe('revokeToken: permissions', () => {
  it.each(cases)('%s on the token of %s: %s in domain %s: allowed is %s', async (caller, owner, kind, through, may) => {
    const { id } = await tokenOf(people[owner], kind, through);
    const { code, data } = await revoke(people[caller], id);
    const refused = caller === 'anonymous' ? 'UNAUTHENTICATED' : 'NOT_FOUND';
    expect([code, data?.revokeToken.changed, await isLive(id)]).toEqual(may ? [undefined, true, false] : [refused, undefined, true]);
  });

  it('requires the role at the time of the call: rejects a former administrator', async () => {
    const former = await server.user('ADMIN', 'acme');
    const { id } = await tokenOf(member, 'SESSION', 'acme');
    await prisma.roleGrant.updateMany({
      where: { userId: former.uuid, role: { name: 'ADMIN' } },
      data: { expiresAt: new Date(Date.now() - 1_000) },
    });
    expect((await revoke(former, id)).code).toBe('NOT_FOUND');
  });

  it('requires the scope tokens:revoke when it is called with an API token', async () => {
    const make = async (scope: string) => {
      const { data } = await member.query(createApiToken, { input: { description: 'CI', scopes: [scope] } });
      return {
        query: (document: never, variables: never) => server.query(document, variables, { token: data.createApiToken.secret }),
      } as never;
    };
    const { id } = await tokenOf(member);
    expect((await revoke(await make('tokens:read'), id)).code).toBe('FORBIDDEN');
    expect((await revoke(await make('tokens:revoke'), id)).data.revokeToken).toMatchObject({ changed: true, token: null });
  });
});

describe('revokeToken', () => {
  it('revokes a session and an API token with effect on the next request', async () => {
    const alice = await server.user();
    const elsewhere = await server.logIn(alice.email, alice.uuid);
    const { secret, token } = (await alice.query(createApiToken, { input: { description: 'CI', scopes: ['users:read'] } })).data
      .createApiToken;
    for (const id of [elsewhere.tokenId, token.id]) {
      const { data } = await alice.query(revokeToken, { input: { id } });
      expect(data.revokeToken).toEqual({ tokenId: id, changed: true, token: { id, revokedReason: 'USER_REVOKED' } });
    }
    expect(await elsewhere.query(meQuery)).toMatchObject({ status: 401, code: 'TOKEN_REVOKED' });
    expect(await server.query(meQuery, {}, { token: secret })).toMatchObject({ status: 401, code: 'TOKEN_REVOKED' });
    expect((await alice.query(meQuery)).data.me?.id).toBe(alice.id);
  });

  it('revokes the current session and makes the rest of the operation anonymous', async () => {
    const alice = await server.user();
    const { data } = await alice.query(revokeToken, { input: { id: alice.tokenId } });
    expect(data.revokeToken).toEqual({ tokenId: alice.tokenId, changed: true, token: null });
    expect((await alice.query(meQuery)).code).toBe('TOKEN_REVOKED');
  });

  it('returns changed: false when the token is already revoked or expired', async () => {
    const [alice, admin] = [await server.user(), people.admin];
    const { id } = await tokenOf(alice);
    await revoke(alice, id);
    expect((await revoke(admin, id)).data.revokeToken).toMatchObject({ changed: false, token: { revokedReason: 'USER_REVOKED' } });
    const ended = await tokenOf(alice);
    await prisma.token.update({ where: { id: ended.id }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    expect((await revoke(alice, ended.id)).data.revokeToken.changed).toBe(false);
    expect(await prisma.tokenRevocation.count({ where: { tokenId: { in: [id, ended.id] } } })).toBe(1);
  });

  it('revokes the token once when it is called 5 times concurrently', async () => {
    const { id } = await tokenOf(member);
    const answers = await Promise.all(Array.from({ length: 5 }, () => revoke(member, id)));
    expect(answers.map((answer) => answer.data.revokeToken.changed).sort()).toEqual([false, false, false, false, true]);
    expect(await prisma.tokenRevocation.count({ where: { tokenId: id } })).toBe(1);
  });

  it('returns the same error for an unknown token as for one that the viewer cannot see', async () => {
    const { id } = await tokenOf(people.superadmin);
    const hidden = await revoke(member, id);
    const unknown = await revoke(member, '01900000-0000-7000-8000-000000000000');
    expect({ ...unknown, headers: null }).toEqual({ ...hidden, headers: null });
    expect((await revoke(member, 'x')).code).toBe('NOT_FOUND');
    expect((await member.query(revokeToken, { input: { id: member.id } })).code).toBe('INVALID_INPUT');
  });

  it('returns no token to a domain administrator who cannot read it', async () => {
    const { id } = await tokenOf(member, 'SESSION', 'acme');
    const { data, errors } = await revoke(people['admin of acme'], id);
    expect(data.revokeToken).toEqual({ tokenId: encodeGlobalID('Token', id), changed: true, token: null });
    expect(errors).toBeUndefined();
  });

  it('records the actor and the domain whose administrator revoked the token', async () => {
    const [mine, theirs] = [await tokenOf(member, 'API'), await tokenOf(member, 'SESSION', 'acme')];
    await revoke(member, mine.id);
    await revoke(people['admin of acme'], theirs.id);
    const find = (tokenId: string) => prisma.tokenRevocation.findFirst({ where: { tokenId } });
    expect(await find(mine.id)).toMatchObject({
      kind: 'API',
      reason: 'USER_REVOKED',
      initiator: 'USER',
      actorId: member.uuid,
      domainId: null,
    });
    const { uuid: actorId } = people['admin of acme'];
    const domainId = domains.acme.id;
    expect(await find(theirs.id)).toMatchObject({ kind: 'SESSION', reason: 'ADMIN_REVOKED', initiator: 'ADMIN', actorId, domainId });
    const event = await prisma.auditEvent.findFirst({ where: { targetId: theirs.id } });
    expect(event).toMatchObject({ action: 'session_revoked', reason: 'ADMIN_REVOKED', userId: member.uuid, actorId, domainId });
  });
});
