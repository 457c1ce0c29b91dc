import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { comparableResult, startTestServer, type TestUser } from '../test-server.ts';
import { inAnHour, inTwoHours, seedDelegation } from './delegation-fixtures.ts';

const server = await startTestServer();
const { superadmin, pass, member, holder, chain, held, grantOf } = await seedDelegation(server);

const fields = ({ errors }: { errors: { extensions: Record<string, unknown> }[] | undefined }) =>
  Object.keys((errors?.[0]?.extensions.fields ?? {}) as object);

describe('the holder of a grant that may be passed on', () => {
  it.each([
    ['the same role there', { role: 'READER', domain: 'middle' }],
    ['the same role in a domain below', { role: 'READER', domain: 'bottom' }],
    ['a role that permits less', { role: 'GLANCER', domain: 'middle' }],
    ['USER, which permits nothing', { role: 'USER', domain: 'bottom' }],
  ])('grants %s', async (_, input) => {
    const [alice, bob] = [await holder(1), await member()];
    expect((await pass(alice, bob, input)).data.grantRole.changed).toBe(true);
    expect(await held(bob)).toEqual([`${input.role} in ${input.domain}`]);
    const terms = { delegable: 0, expiresAt: null, throughId: (await grantOf(alice)).id, grantedById: alice.uuid };
    expect(await server.db.prisma.roleGrant.findMany({ where: { userId: bob.uuid }, orderBy: { id: 'desc' } })).toMatchObject([terms, {}]);
  });

  it.each([
    ['a role that permits something else', { role: 'WRITER' }, 'domainAdmin | outranks | superadmin'],
    ['ADMIN', { role: 'ADMIN' }, 'superadmin'],
    ['ADMIN everywhere', { role: 'ADMIN', domain: null }, 'superadmin'],
    ['SUPERADMIN', { role: 'SUPERADMIN', domain: null }, 'superadmin'],
    ['the role in the domain above', { domain: 'top' }, 'admin'],
    ['the role in a domain aside', { domain: 'aside' }, 'admin'],
    ['the role everywhere', { domain: null }, 'admin'],
  ])('never grants %s', async (_, input, rule) => {
    const [alice, bob] = [await holder(5), await member()];
    expect((await pass(alice, bob, input)).errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', rule });
    expect(await held(bob)).toEqual([]);
  });

  it('grants in any domain, and everywhere, what is held everywhere', async () => {
    const [alice, bob] = [await holder(1, { domain: null }), await member()];
    for (const domain of ['top', 'aside', null]) expect((await pass(alice, bob, { domain })).code).toBeUndefined();
    expect(await held(bob)).toEqual(['READER in top', 'READER in aside', 'READER']);
  });

  it('never grants beyond the own end, which also is the end unless said', async () => {
    const [end, later] = [inAnHour(), inTwoHours()];
    const [alice, bob, carol] = [await holder(1, { expiresAt: end }), await member(), await member()];
    expect(fields(await pass(alice, bob, { expiresAt: later }))).toEqual(['expiresAt']);
    expect((await pass(alice, bob, { expiresAt: end })).data.grantRole.grant?.expiresAt).toBe(end);
    expect((await pass(alice, carol)).data.grantRole.grant?.expiresAt).toBe(end);
  });

  it('passes on so often and no more', async () => {
    const [alice, bob, carol, dave] = [await holder(2), await member(), await member(), await member()];
    expect(fields(await pass(alice, bob, { delegable: 2 }))).toEqual(['delegable']);
    expect((await pass(alice, bob, { delegable: 1 })).data.grantRole.grant?.delegable).toBe(1);
    expect(fields(await pass(bob, carol, { delegable: 1 }))).toEqual(['delegable']);
    expect((await pass(bob, carol)).code).toBeUndefined();
    expect((await pass(carol, dave)).code).toBe('FORBIDDEN');
    expect(await held(dave)).toEqual([]);
  });

  it('passes on, of several, what ends last, and of those what reaches deepest', async () => {
    const [alice, bob, carol] = [await holder(3, { expiresAt: inAnHour() }), await member(), await member()];
    const above = (await pass(superadmin, alice, { domain: 'top', delegable: 1 })).data.grantRole.grant;
    const everywhere = (await pass(superadmin, alice, { domain: null, delegable: 2 })).data.grantRole.grant;
    expect((await pass(alice, bob)).data.grantRole.grant).toMatchObject({ expiresAt: null, path: [{ id: everywhere?.id }, {}] });
    expect((await pass(alice, carol, { delegable: 2 })).data.grantRole.grant?.path[0]?.id).toBe(alice.grantId);
    expect(above?.id).not.toBe(everywhere?.id);
  });

  it('grants nothing to themselves', async () => {
    const alice = await holder(1);
    expect((await pass(alice, alice, { domain: 'bottom' })).code).toBe('SELF_ACTION_FORBIDDEN');
    expect(await held(alice)).toEqual(['READER in middle']);
  });

  it('knows nobody whom no role lets them read', async () => {
    const [alice, stranger, keeper] = [await holder(1), await server.user('USER', 'aside'), await server.user('ADMIN', 'middle')];
    const hidden = await pass(alice, stranger);
    expect(hidden.code).toBe('NOT_FOUND');
    expect(comparableResult(await pass(alice, { id: encodeGlobalID('User', randomUUID()) }))).toEqual(comparableResult(hidden));
    expect((await pass(alice, keeper)).code).toBe('NOT_FOUND');
  });

  it('is told the same of a role that they may not know of and of an unknown one', async () => {
    const [alice, bob] = [await holder(1), await member()];
    for (const domain of ['middle', 'aside'])
      expect(comparableResult(await pass(alice, bob, { role: 'WRITER', domain }))).toEqual(
        comparableResult(await pass(alice, bob, { role: 'NONE', domain })),
      );
  });

  it('changes what they passed on, and nothing that is held by the authority of others', async () => {
    const [[alice, bob, carol], dave] = [await chain(3), await holder(0)];
    expect((await pass(alice, bob, { delegable: 0 })).data.grantRole).toMatchObject({ changed: true, grant: { delegable: 0 } });
    expect((await pass(alice, bob, { delegable: 0 })).data.grantRole.changed).toBe(false);
    for (const person of [carol, dave]) {
      const before = await grantOf(person);
      expect((await pass(alice, person, { expiresAt: inAnHour() })).data.grantRole.changed).toBe(false);
      expect(await grantOf(person)).toEqual(before);
    }
  });

  it('makes a new grant where the time of the old one is over, whoever made that', async () => {
    const [alice, bob] = [await holder(1), await holder(0, { expiresAt: inAnHour() })];
    await server.db.prisma.roleGrant.update({ where: { id: (await grantOf(bob)).id }, data: { expiresAt: new Date(0) } });
    expect((await pass(alice, bob)).data.grantRole).toMatchObject({ changed: true, grant: { path: [{ id: alice.grantId }, {}] } });
  });

  it('never grants a role that permits nothing here, which may mean anything elsewhere', async () => {
    await server.db.prisma.role.create({ data: { name: 'BILLING' } });
    const [alice, bob] = [await holder(1), await member()];
    expect((await pass(alice, bob, { role: 'BILLING' })).code).toBe('FORBIDDEN');
    expect((await pass(alice, bob, { role: 'NOSUCH' })).code).toBe('FORBIDDEN');
    expect((await pass(alice, bob, { role: 'USER' })).code).toBeUndefined();
  });

  it('closes no circle', async () => {
    for (const name of ['TWIN_1', 'TWIN_2']) await server.db.prisma.role.create({ data: { name, permissions: ['users:read'] } });
    const [alice, bob] = [await holder(5), await member()];
    await pass(alice, bob, { role: 'TWIN_1', delegable: 4 });
    await pass(bob, alice, { role: 'TWIN_2', delegable: 3 });
    // The role from which the first was passed on now permits less than what was passed on.
    await server.db.prisma.role.update({ where: { name: 'READER' }, data: { permissions: [] } });
    const again = await pass(alice, bob, { role: 'TWIN_1' });
    await server.db.prisma.role.update({ where: { name: 'READER' }, data: { permissions: ['users:read', 'roles:read'] } });
    expect(again.data.grantRole.changed).toBe(false);
    expect((await grantOf(bob, 'TWIN_1')).throughId).toBe((await grantOf(alice)).id);
  });
});

describe('a grant that is passed on', () => {
  it('is delegable 0 to 5 times, and never ADMIN or SUPERADMIN', async () => {
    const bob = await member();
    for (const delegable of [-1, 6]) expect(fields(await pass(superadmin, bob, { delegable }))).toEqual(['delegable']);
    for (const [role, domain] of [
      ['ADMIN', 'middle'],
      ['ADMIN', null],
      ['SUPERADMIN', null],
    ] as const)
      expect(fields(await pass(superadmin, bob, { role, domain, delegable: 1 }))).toEqual(['delegable']);
    expect(await held(bob)).toEqual([]);
  });

  it('needs more than a role with the permission, or a grant to pass on, alone', async () => {
    const [reader, bob] = [await holder(0), await member()];
    const blind = await server.user('USER', 'middle');
    await server.db.prisma.roleGrant.updateMany({ where: { userId: blind.uuid }, data: { delegable: 1 } });
    expect((await pass(reader, bob, { role: 'USER' })).code).toBe('FORBIDDEN');
    expect((await pass(blind, bob, { role: 'USER' })).code).toBe('FORBIDDEN');
  });

  it('is no authority over whom only a role lets one read', async () => {
    const [keeper, bob] = [await holder(1), await member()];
    await server.grant(keeper.uuid, 'ADMIN', 'aside');
    expect((await pass(keeper, bob, { role: 'WRITER', domain: 'aside' })).code).toBe('FORBIDDEN');
    const [admin, peer] = [await server.user('ADMIN'), await server.user('ADMIN')];
    await pass(superadmin, admin, { domain: null, delegable: 1 });
    expect((await pass(admin, peer, { role: 'WRITER', domain: null })).errors?.[0]?.extensions.rule).toContain('outranks');
    expect([await held(bob), await held(peer)]).toEqual([[], ['ADMIN']]);
  });

  it('is made in a session, never with an API token', async () => {
    const [alice, bob]: [TestUser, TestUser] = [await holder(1), await member()];
    const mint =
      'mutation { createApiToken(input: { description: "all", scopes: ["users:read", "users:write", "roles:read"] }) { secret } }';
    const { secret } = (await alice.query(mint)).data.createApiToken;
    const asToken = { query: (document: never, variables: never) => server.query(document, variables, { token: secret }) } as Pick<
      TestUser,
      'query'
    >;
    expect((await pass(asToken, bob)).code).toBe('FORBIDDEN');
  });
});
