import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';
import { inAnHour, inTwoHours, seedDelegation } from './delegation-fixtures.ts';

const server = await startTestServer();
const { superadmin, delegate, revoke, member, holder, chain, rolesOf, grantOf } = await seedDelegation(server);

const findsOthers = async (person: TestUser) => (await person.query('{ users { totalCount } }')).data.users.totalCount > 1;
const update = async (name: string, change: object) => {
  const { id } = await server.db.prisma.domain.findUniqueOrThrow({ where: { name } });
  const document = 'mutation ($input: UpdateDomainInput!) { updateDomain(input: $input) { domain { name } } }';
  expect((await superadmin.query(document, { input: { id: encodeGlobalID('Domain', id), ...change } })).code).toBeUndefined();
};
const audited = ({ uuid }: TestUser) =>
  server.db.prisma.auditEvent.findMany({
    where: { userId: uuid, action: 'privilege_permissions_changed' },
    orderBy: { id: 'desc' },
    omit: { id: true },
  });

describe('revokeRole on a grant that was delegated', () => {
  it('revokes all grants delegated from it at any depth, with effect on the next request, and none above it', async () => {
    const [alice, bob, carol] = await chain(3);
    expect(await Promise.all([alice, bob, carol].map(findsOthers))).toEqual([true, true, true]);
    expect((await revoke(superadmin, bob)).data.revokeRole.changed).toBe(true);
    expect(await Promise.all([alice, bob, carol].map(findsOthers))).toEqual([true, false, false]);
  });

  it('records an audit event for each revoked grant', async () => {
    const [alice, bob, carol] = await chain(3);
    await revoke(superadmin, alice);
    for (const person of [alice, bob, carol])
      expect(await audited(person)).toMatchObject([{ reason: 'revoked', actorId: superadmin.uuid, details: { role: 'READER' } }, {}]);
  });

  it('allows a delegating user to revoke grants at any depth below', async () => {
    for (const at of [1, 2]) {
      const line = await chain(3);
      expect((await revoke(line[0], line[at] as TestUser)).data.revokeRole.changed).toBe(true);
      expect(await Promise.all(line.map(rolesOf))).toEqual(line.map((_, index) => (index < at ? ['READER in middle'] : [])));
    }
  });

  it('changes nothing for grants delegated by others, exactly as if there were none', async () => {
    const [[alice, bob], [, other], dave, nobody] = [await chain(2), await chain(2), await holder(1), await member()];
    for (const person of [other, dave, nobody]) expect((await revoke(alice, person)).data.revokeRole.changed).toBe(false);
    expect((await revoke(alice, dave, 'WRITER')).code).toBe('FORBIDDEN');
    expect((await revoke(alice, dave, 'READER', 'aside')).code).toBe('FORBIDDEN');
    expect((await revoke(alice, alice)).code).toBe('SELF_ACTION_FORBIDDEN');
    expect((await revoke(bob, alice)).data.revokeRole.changed).toBe(false);
    expect(await Promise.all([alice, other, dave].map(rolesOf))).toEqual(Array(3).fill(['READER in middle']));
  });
});

describe('grantRole by an administrator on a delegated grant', () => {
  it('takes the grant over, so that it no longer depends on the one it was delegated from', async () => {
    const [alice, bob, carol] = await chain(3);
    expect((await delegate(superadmin, bob, { delegable: 2 })).data.grantRole).toMatchObject({ changed: true, grant: { path: [{}] } });
    expect((await delegate(superadmin, bob, { delegable: 2 })).data.grantRole.changed).toBe(false);
    expect((await revoke(alice, bob)).data.revokeRole.changed).toBe(false);
    await revoke(superadmin, alice);
    expect(await Promise.all([alice, bob, carol].map(findsOthers))).toEqual([false, true, true]);
  });
});

describe('narrowing a grant', () => {
  it('narrows the expiry of all grants delegated from it at any depth', async () => {
    const line = await chain(4);
    const [alice, bob, carol] = line;
    await delegate(alice, bob, { delegable: 3, expiresAt: inTwoHours() });
    await delegate(superadmin, alice, { delegable: 4, expiresAt: inAnHour() });
    const ends = (await Promise.all(line.map((person) => grantOf(person)))).map(({ expiresAt }) => expiresAt);
    expect(ends).toEqual(Array(4).fill(ends[0]));
    expect(await audited(carol)).toMatchObject([{ reason: 'narrowed', actorId: superadmin.uuid }, { reason: 'narrowed' }, {}]);
  });

  it('keeps an earlier expiry of a delegated grant', async () => {
    const [[alice, bob], end] = [await chain(2), inAnHour()];
    await delegate(alice, bob, { expiresAt: end });
    await delegate(superadmin, alice, { delegable: 2, expiresAt: inTwoHours() });
    expect((await grantOf(bob)).expiresAt?.toISOString()).toBe(end);
  });

  it('lowers the delegable count of each delegated grant, but keeps the grants', async () => {
    const line = await chain(4);
    await delegate(superadmin, line[0], { delegable: 2 });
    const left = (await Promise.all(line.map((person) => grantOf(person)))).map(({ delegable }) => delegable);
    expect(left).toEqual([2, 1, 0, 0]);
  });
});

describe('an inactive grant', () => {
  it('cannot be delegated when it has expired or its domain or a parent is inactive', async () => {
    const bob = await member();
    const [late, above, below] = [await holder(1), await holder(1), await holder(1, { domain: null })];
    await server.db.prisma.roleGrant.updateMany({ where: { userId: late.uuid, delegable: 1 }, data: { expiresAt: new Date(0) } });
    expect((await delegate(late, bob)).code).toBe('FORBIDDEN');
    await update('top', { active: false });
    const codes = [(await delegate(above, bob)).code, (await delegate(below, bob)).errors?.[0]?.extensions];
    await update('top', { active: true });
    expect(codes).toMatchObject(['FORBIDDEN', { code: 'INVALID_INPUT', fields: { domain: ['must be an existing domain'] } }]);
  });

  it('cannot be delegated by a user who also holds an active one', async () => {
    const [alice, bob] = [await holder(1), await server.user('USER', 'aside')];
    await delegate(superadmin, alice, { role: 'GLANCER', domain: 'aside', delegable: 1 });
    expect((await delegate(alice, bob)).code).toBeUndefined();
    await update('middle', { active: false });
    const closed = await delegate(alice, bob, { domain: 'bottom' });
    await update('middle', { active: true });
    await delegate(superadmin, alice, { delegable: 0 });
    const [spent, revoked] = [await delegate(alice, bob, { domain: 'bottom' }), await revoke(alice, bob)];
    // Those who do not see disabled domains cannot tell one from an unknown name.
    expect(closed.errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', fields: { domain: ['must be an existing domain'] } });
    for (const { errors } of [spent, revoked]) expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', rule: 'admin' });
  });
});

describe('grantRole in a domain below an inactive one', () => {
  it('is rejected even for a superadmin', async () => {
    const bob = await member();
    await update('top', { active: false });
    const { errors } = await delegate(superadmin, bob, { domain: 'bottom' });
    await update('top', { active: true });
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', fields: { domain: ['must be active'] } });
  });
});

describe('moving a domain', () => {
  it('revokes grants in it that were delegated from its former parents, and everything delegated from those', async () => {
    const [alice, bob, carol, dave] = [await holder(3, { domain: 'top' }), await member(), await member(), await member()];
    await delegate(superadmin, alice, { delegable: 1 });
    await server.domain('moved', 'top');
    await server.domain('below-moved', 'moved');
    for (const person of [alice, bob, carol, dave]) await server.grant(person.uuid, 'USER', 'top');
    await delegate(alice, bob, { domain: 'moved', delegable: 2 });
    await delegate(alice, carol, { domain: 'top', delegable: 1 });
    await delegate(carol, dave, { domain: 'below-moved' });
    await update('moved', { parent: 'top' });
    expect(await Promise.all([bob, carol, dave].map(rolesOf))).toEqual([
      ['USER in top', 'READER in moved'],
      ['USER in top', 'READER in top'],
      ['USER in top', 'READER in below-moved'],
    ]);
    await update('moved', { parent: 'aside' });
    expect(await Promise.all([bob, carol, dave].map(rolesOf))).toEqual([
      ['USER in top'],
      ['USER in top', 'READER in top'],
      ['USER in top'],
    ]);
    expect(await audited(dave)).toMatchObject([{ reason: 'revoked', actorId: superadmin.uuid, details: { domain: 'below-moved' } }, {}]);
  });

  it('keeps grants that were delegated within the moved domains or from a platform grant', async () => {
    for (const [name, parent] of [
      ['all', 'top'],
      ['whole', 'all'],
      ['part', 'whole'],
    ] as const)
      await server.domain(name, parent);
    const [alice, bob, carol] = [await holder(1, { domain: 'whole' }), await server.user('USER', 'whole'), await member()];
    await delegate(alice, bob, { domain: 'part' });
    await delegate(await holder(1, { domain: null }), carol, { domain: 'part' });
    for (const [name, parent] of [
      ['all', 'aside'],
      ['whole', 'aside'],
      ['whole', null],
    ] as const)
      await update(name, { parent });
    expect([await rolesOf(bob), await rolesOf(carol)]).toEqual([['USER in whole', 'READER in part'], ['READER in part']]);
  });
});
