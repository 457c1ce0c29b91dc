import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';
import { inAnHour, inTwoHours, seedDelegation } from './delegation-fixtures.ts';

const server = await startTestServer();
const { superadmin, pass, revoke, member, holder, chain, held, grantOf } = await seedDelegation(server);

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

describe('revokeRole', () => {
  it('ends all that was passed on, at any depth, at the next request, and nothing before it', async () => {
    const [alice, bob, carol] = await chain(3);
    expect(await Promise.all([alice, bob, carol].map(findsOthers))).toEqual([true, true, true]);
    expect((await revoke(superadmin, bob)).data.revokeRole.changed).toBe(true);
    expect(await Promise.all([alice, bob, carol].map(findsOthers))).toEqual([true, false, false]);
  });

  it('has a line in the audit for each grant that ended', async () => {
    const [alice, bob, carol] = await chain(3);
    await revoke(superadmin, alice);
    for (const person of [alice, bob, carol])
      expect(await audited(person)).toMatchObject([{ reason: 'revoked', actorId: superadmin.uuid, details: { role: 'READER' } }, {}]);
  });

  it('by whoever passed it on ends it, directly or further down', async () => {
    for (const at of [1, 2]) {
      const line = await chain(3);
      expect((await revoke(line[0], line[at] as TestUser)).data.revokeRole.changed).toBe(true);
      expect(await Promise.all(line.map(held))).toEqual(line.map((_, index) => (index < at ? ['READER in middle'] : [])));
    }
  });

  it('ends nothing that is held by the authority of others, and says of it what it says of nothing', async () => {
    const [[alice, bob], [, other], dave, nobody] = [await chain(2), await chain(2), await holder(1), await member()];
    for (const person of [other, dave, nobody]) expect((await revoke(alice, person)).data.revokeRole.changed).toBe(false);
    expect((await revoke(alice, dave, 'WRITER')).code).toBe('FORBIDDEN');
    expect((await revoke(alice, dave, 'READER', 'aside')).code).toBe('FORBIDDEN');
    expect((await revoke(alice, alice)).code).toBe('SELF_ACTION_FORBIDDEN');
    expect((await revoke(bob, alice)).data.revokeRole.changed).toBe(false);
    expect(await Promise.all([alice, other, dave].map(held))).toEqual(Array(3).fill(['READER in middle']));
  });
});

describe('an administrator who grants what was passed on', () => {
  it('takes it over: it no longer ends with what it was passed on from', async () => {
    const [alice, bob, carol] = await chain(3);
    expect((await pass(superadmin, bob, { delegable: 2 })).data.grantRole).toMatchObject({ changed: true, grant: { path: [{}] } });
    expect((await pass(superadmin, bob, { delegable: 2 })).data.grantRole.changed).toBe(false);
    expect((await revoke(alice, bob)).data.revokeRole.changed).toBe(false);
    await revoke(superadmin, alice);
    expect(await Promise.all([alice, bob, carol].map(findsOthers))).toEqual([false, true, true]);
  });
});

describe('a grant that is narrowed', () => {
  it('narrows what was passed on from it, at any depth, to its end', async () => {
    const line = await chain(4);
    const [alice, bob, carol] = line;
    await pass(alice, bob, { delegable: 3, expiresAt: inTwoHours() });
    await pass(superadmin, alice, { delegable: 4, expiresAt: inAnHour() });
    const ends = (await Promise.all(line.map((person) => grantOf(person)))).map(({ expiresAt }) => expiresAt);
    expect(ends).toEqual(Array(4).fill(ends[0]));
    expect(await audited(carol)).toMatchObject([{ reason: 'narrowed', actorId: superadmin.uuid }, { reason: 'narrowed' }, {}]);
  });

  it('keeps an end that comes before its own', async () => {
    const [[alice, bob], end] = [await chain(2), inAnHour()];
    await pass(alice, bob, { expiresAt: end });
    await pass(superadmin, alice, { delegable: 2, expiresAt: inTwoHours() });
    expect((await grantOf(bob)).expiresAt?.toISOString()).toBe(end);
  });

  it('may be passed on less often at each step, and what was passed on stands', async () => {
    const line = await chain(4);
    await pass(superadmin, line[0], { delegable: 2 });
    const left = (await Promise.all(line.map((person) => grantOf(person)))).map(({ delegable }) => delegable);
    expect(left).toEqual([2, 1, 0, 0]);
  });
});

describe('a grant that does not count', () => {
  it('is not passed on: its time is over, or its domain or one above is shut', async () => {
    const bob = await member();
    const [late, above, below] = [await holder(1), await holder(1), await holder(1, { domain: null })];
    await server.db.prisma.roleGrant.updateMany({ where: { userId: late.uuid, delegable: 1 }, data: { expiresAt: new Date(0) } });
    expect((await pass(late, bob)).code).toBe('FORBIDDEN');
    await update('top', { active: false });
    const codes = [(await pass(above, bob)).code, (await pass(below, bob)).errors?.[0]?.extensions];
    await update('top', { active: true });
    expect(codes).toMatchObject(['FORBIDDEN', { code: 'INVALID_INPUT', fields: { domain: ['not active'] } }]);
  });

  it('is not passed on by the holder of another one that does count', async () => {
    const [alice, bob] = [await holder(1), await server.user('USER', 'aside')];
    await pass(superadmin, alice, { role: 'GLANCER', domain: 'aside', delegable: 1 });
    expect((await pass(alice, bob)).code).toBeUndefined();
    await update('middle', { active: false });
    const shut = await pass(alice, bob, { domain: 'bottom' });
    await update('middle', { active: true });
    await pass(superadmin, alice, { delegable: 0 });
    const [spent, revoked] = [await pass(alice, bob, { domain: 'bottom' }), await revoke(alice, bob)];
    for (const { errors } of [shut, spent, revoked]) expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', rule: 'admin' });
  });
});

describe('grantRole in a domain below one that is shut', () => {
  it('is refused, whoever grants', async () => {
    const bob = await member();
    await update('top', { active: false });
    const { errors } = await pass(superadmin, bob, { domain: 'bottom' });
    await update('top', { active: true });
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', fields: { domain: ['not active'] } });
  });
});

describe('a domain that is moved', () => {
  it('ends what was passed on into it, and below, from where it was, and what was passed on from there', async () => {
    const [alice, bob, carol, dave] = [await holder(3, { domain: 'top' }), await member(), await member(), await member()];
    await pass(superadmin, alice, { delegable: 1 });
    await server.domain('moved', 'top');
    await server.domain('below-moved', 'moved');
    for (const person of [alice, bob, carol, dave]) await server.grant(person.uuid, 'USER', 'top');
    await pass(alice, bob, { domain: 'moved', delegable: 2 });
    await pass(alice, carol, { domain: 'top', delegable: 1 });
    await pass(carol, dave, { domain: 'below-moved' });
    await update('moved', { parent: 'top' });
    expect(await Promise.all([bob, carol, dave].map(held))).toEqual([
      ['USER in top', 'READER in moved'],
      ['USER in top', 'READER in top'],
      ['USER in top', 'READER in below-moved'],
    ]);
    await update('moved', { parent: 'aside' });
    expect(await Promise.all([bob, carol, dave].map(held))).toEqual([['USER in top'], ['USER in top', 'READER in top'], ['USER in top']]);
    expect(await audited(dave)).toMatchObject([{ reason: 'revoked', actorId: superadmin.uuid, details: { domain: 'below-moved' } }, {}]);
  });

  it('keeps what was passed on within what moved together, and from a grant that holds everywhere', async () => {
    for (const [name, parent] of [
      ['all', 'top'],
      ['whole', 'all'],
      ['part', 'whole'],
    ] as const)
      await server.domain(name, parent);
    const [alice, bob, carol] = [await holder(1, { domain: 'whole' }), await server.user('USER', 'whole'), await member()];
    await pass(alice, bob, { domain: 'part' });
    await pass(await holder(1, { domain: null }), carol, { domain: 'part' });
    for (const [name, parent] of [
      ['all', 'aside'],
      ['whole', 'aside'],
      ['whole', null],
    ] as const)
      await update(name, { parent });
    expect([await held(bob), await held(carol)]).toEqual([['USER in whole', 'READER in part'], ['READER in part']]);
  });
});
