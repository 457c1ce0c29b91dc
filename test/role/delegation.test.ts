import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { comparableResult, startTestServer, type TestUser } from '../test-server.ts';
import { inAnHour, inTwoHours, seedDelegation } from './delegation-fixtures.ts';

const server = await startTestServer();
const { superadmin, delegate, member, holder, chain, rolesOf, grantOf } = await seedDelegation(server);

const fields = ({ errors }: { errors: { extensions: Record<string, unknown> }[] | undefined }) =>
  Object.keys((errors?.[0]?.extensions.fields ?? {}) as object);

describe('the holder of a delegable grant', () => {
  it.each([
    ['the same role in the same domain', { role: 'READER', domain: 'middle' }],
    ['the same role in a child domain', { role: 'READER', domain: 'bottom' }],
    ['a role with fewer permissions', { role: 'GLANCER', domain: 'middle' }],
    ['USER, which has no permissions', { role: 'USER', domain: 'bottom' }],
  ])('can grant %s', async (_, input) => {
    const [alice, bob] = [await holder(1), await member()];
    expect((await delegate(alice, bob, input)).data.grantRole.changed).toBe(true);
    expect(await rolesOf(bob)).toEqual([`${input.role} in ${input.domain}`]);
    const terms = { delegable: 0, expiresAt: null, throughId: (await grantOf(alice)).id, grantedById: alice.uuid };
    expect(await server.db.prisma.roleGrant.findMany({ where: { userId: bob.uuid }, orderBy: { id: 'desc' } })).toMatchObject([terms, {}]);
  });

  it.each([
    ['a role with other permissions', { role: 'WRITER' }, 'domainAdmin | outranks | superadmin'],
    ['ADMIN', { role: 'ADMIN' }, 'superadmin'],
    ['ADMIN on the platform', { role: 'ADMIN', domain: null }, 'superadmin'],
    ['SUPERADMIN', { role: 'SUPERADMIN', domain: null }, 'superadmin'],
    ['the role in the parent domain', { domain: 'top' }, 'admin'],
    ['the role in another domain', { domain: 'aside' }, 'admin'],
    ['the role on the platform', { domain: null }, 'admin'],
  ])('cannot grant %s', async (_, input, rule) => {
    const [alice, bob] = [await holder(5), await member()];
    expect((await delegate(alice, bob, input)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', rule });
    expect(await rolesOf(bob)).toEqual([]);
  });

  it('can grant a platform role in any domain and on the platform', async () => {
    const [alice, bob] = [await holder(1, { domain: null }), await member()];
    for (const domain of ['top', 'aside', null]) expect((await delegate(alice, bob, { domain })).code).toBeUndefined();
    expect(await rolesOf(bob)).toEqual(['READER in top', 'READER in aside', 'READER']);
  });

  it('cannot exceed the expiry of the own grant, which is the default', async () => {
    const [end, later] = [inAnHour(), inTwoHours()];
    const [alice, bob, carol] = [await holder(1, { expiresAt: end }), await member(), await member()];
    expect(fields(await delegate(alice, bob, { expiresAt: later }))).toEqual(['expiresAt']);
    expect((await delegate(alice, bob, { expiresAt: end })).data.grantRole.grant?.expiresAt).toBe(end);
    expect((await delegate(alice, carol)).data.grantRole.grant?.expiresAt).toBe(end);
  });

  it('can delegate as many times as delegable says', async () => {
    const [alice, bob, carol, dave] = [await holder(2), await member(), await member(), await member()];
    expect(fields(await delegate(alice, bob, { delegable: 2 }))).toEqual(['delegable']);
    expect((await delegate(alice, bob, { delegable: 1 })).data.grantRole.grant?.delegable).toBe(1);
    expect(fields(await delegate(bob, carol, { delegable: 1 }))).toEqual(['delegable']);
    expect((await delegate(bob, carol)).code).toBeUndefined();
    expect((await delegate(carol, dave)).code).toBe('FORBIDDEN');
    expect(await rolesOf(dave)).toEqual([]);
  });

  it('delegates, of several grants, the one that expires last, and of those the one that is delegable most often', async () => {
    const [alice, bob, carol] = [await holder(3, { expiresAt: inAnHour() }), await member(), await member()];
    const above = (await delegate(superadmin, alice, { domain: 'top', delegable: 1 })).data.grantRole.grant;
    const everywhere = (await delegate(superadmin, alice, { domain: null, delegable: 2 })).data.grantRole.grant;
    expect((await delegate(alice, bob)).data.grantRole.grant).toMatchObject({ expiresAt: null, path: [{ id: everywhere?.id }, {}] });
    expect((await delegate(alice, carol, { delegable: 2 })).data.grantRole.grant?.path[0]?.id).toBe(alice.grantId);
    expect(above?.id).not.toBe(everywhere?.id);
  });

  it('cannot grant to themselves', async () => {
    const alice = await holder(1);
    expect((await delegate(alice, alice, { domain: 'bottom' })).code).toBe('SELF_ACTION_FORBIDDEN');
    expect(await rolesOf(alice)).toEqual(['READER in middle']);
  });

  it('gets NOT_FOUND for users that none of their roles can read', async () => {
    const [alice, stranger, domainAdmin] = [await holder(1), await server.user('USER', 'aside'), await server.user('ADMIN', 'middle')];
    const hidden = await delegate(alice, stranger);
    expect(hidden.code).toBe('NOT_FOUND');
    expect(comparableResult(await delegate(alice, { id: encodeGlobalID('User', randomUUID()) }))).toEqual(comparableResult(hidden));
    expect((await delegate(alice, domainAdmin)).code).toBe('NOT_FOUND');
  });

  it('gets the same error for a role that they cannot see as for an unknown role', async () => {
    const [alice, bob] = [await holder(1), await member()];
    for (const domain of ['middle', 'aside'])
      expect(comparableResult(await delegate(alice, bob, { role: 'WRITER', domain }))).toEqual(
        comparableResult(await delegate(alice, bob, { role: 'NONE', domain })),
      );
  });

  it('can change grants that they delegated, but none that others delegated or granted', async () => {
    const [[alice, bob, carol], dave] = [await chain(3), await holder(0)];
    expect((await delegate(alice, bob, { delegable: 0 })).data.grantRole).toMatchObject({ changed: true, grant: { delegable: 0 } });
    expect((await delegate(alice, bob, { delegable: 0 })).data.grantRole.changed).toBe(false);
    for (const person of [carol, dave]) {
      const before = await grantOf(person);
      expect((await delegate(alice, person, { expiresAt: inAnHour() })).data.grantRole.changed).toBe(false);
      expect(await grantOf(person)).toEqual(before);
    }
  });

  it('can replace an expired grant that others made', async () => {
    const [alice, bob] = [await holder(1), await holder(0, { expiresAt: inAnHour() })];
    await server.db.prisma.roleGrant.update({ where: { id: (await grantOf(bob)).id }, data: { expiresAt: new Date(0) } });
    expect((await delegate(alice, bob)).data.grantRole).toMatchObject({ changed: true, grant: { path: [{ id: alice.grantId }, {}] } });
  });

  it('cannot grant a role without permissions other than USER', async () => {
    await server.db.prisma.role.create({ data: { name: 'BILLING' } });
    const [alice, bob] = [await holder(1), await member()];
    expect((await delegate(alice, bob, { role: 'BILLING' })).code).toBe('FORBIDDEN');
    expect((await delegate(alice, bob, { role: 'NOSUCH' })).code).toBe('FORBIDDEN');
    expect((await delegate(alice, bob, { role: 'USER' })).code).toBeUndefined();
  });

  it('cannot create a cycle of grants', async () => {
    for (const name of ['TWIN_1', 'TWIN_2']) await server.db.prisma.role.create({ data: { name, permissions: ['users:read'] } });
    const [alice, bob] = [await holder(5), await member()];
    await delegate(alice, bob, { role: 'TWIN_1', delegable: 4 });
    await delegate(bob, alice, { role: 'TWIN_2', delegable: 3 });
    // READER now has fewer permissions than the role that was delegated from it.
    await server.db.prisma.role.update({ where: { name: 'READER' }, data: { permissions: [] } });
    const again = await delegate(alice, bob, { role: 'TWIN_1' });
    await server.db.prisma.role.update({ where: { name: 'READER' }, data: { permissions: ['users:read', 'roles:read'] } });
    expect(again.data.grantRole.changed).toBe(false);
    expect((await grantOf(bob, 'TWIN_1')).throughId).toBe((await grantOf(alice)).id);
  });
});

describe('delegation', () => {
  it('allows delegable from 0 to 5, and never for ADMIN or SUPERADMIN', async () => {
    const bob = await member();
    for (const delegable of [-1, 6]) expect(fields(await delegate(superadmin, bob, { delegable }))).toEqual(['delegable']);
    for (const [role, domain] of [
      ['ADMIN', 'middle'],
      ['ADMIN', null],
      ['SUPERADMIN', null],
    ] as const)
      expect(fields(await delegate(superadmin, bob, { role, domain, delegable: 1 }))).toEqual(['delegable']);
    expect(await rolesOf(bob)).toEqual([]);
  });

  it('requires both a role with the permission and a delegable grant', async () => {
    const [reader, bob] = [await holder(0), await member()];
    const blind = await server.user('USER', 'middle');
    await server.db.prisma.roleGrant.updateMany({ where: { userId: blind.uuid }, data: { delegable: 1 } });
    expect((await delegate(reader, bob, { role: 'USER' })).code).toBe('FORBIDDEN');
    expect((await delegate(blind, bob, { role: 'USER' })).code).toBe('FORBIDDEN');
  });

  it('gives no authority to grant other roles to users that the caller can only read', async () => {
    const [domainAdmin, bob] = [await holder(1), await member()];
    await server.grant(domainAdmin.uuid, 'ADMIN', 'aside');
    expect((await delegate(domainAdmin, bob, { role: 'WRITER', domain: 'aside' })).code).toBe('FORBIDDEN');
    const [admin, peer] = [await server.user('ADMIN'), await server.user('ADMIN')];
    await delegate(superadmin, admin, { domain: null, delegable: 1 });
    expect((await delegate(admin, peer, { role: 'WRITER', domain: null })).errors?.[0]?.extensions.rule).toContain('outranks');
    expect([await rolesOf(bob), await rolesOf(peer)]).toEqual([[], ['ADMIN']]);
  });

  it('requires a session and rejects an API token', async () => {
    const [alice, bob]: [TestUser, TestUser] = [await holder(1), await member()];
    const mint =
      'mutation { createApiToken(input: { description: "all", scopes: ["users:read", "users:write", "roles:read"] }) { secret } }';
    const { secret } = (await alice.query(mint)).data.createApiToken;
    const asToken = { query: (document: never, variables: never) => server.query(document, variables, { token: secret }) } as Pick<
      TestUser,
      'query'
    >;
    expect((await delegate(asToken, bob)).code).toBe('FORBIDDEN');
  });
});
