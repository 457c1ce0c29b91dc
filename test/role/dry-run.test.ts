import { describe, expect, it } from 'vitest';
import { waitForChain } from '../audit/wait-for-chain.ts';
import { startTestServer, type TestUser } from '../test-server.ts';
import { seedDelegation } from './delegation-fixtures.ts';

const server = await startTestServer();
const { superadmin, delegate, member, holder, chain } = await seedDelegation(server);
await server.db.prisma.role.updateMany({ data: { description: 'A description' } });
for (const domain of ['middle', 'bottom', 'aside']) await server.user('USER', domain);

interface Change {
  readonly coordinate: string;
  readonly gained: number;
  readonly lost: number;
}
type Input = { role: string; domain?: string; delegable?: number; expiresAt?: string; dryRun?: boolean };

const document =
  'mutation ($input: GrantRoleInput!) { grantRole(input: $input) { changed grant { id } changes { coordinate gained lost } } }';
const grant = (by: Pick<TestUser, 'query'>, to: Pick<TestUser, 'id'>, input: Input) =>
  by.query(document, { input: { userId: to.id, ...input } });
const dryRun = async (by: Pick<TestUser, 'query'>, to: Pick<TestUser, 'id'>, input: Input) => {
  const { data, errors } = await grant(by, to, { ...input, dryRun: true });
  expect(errors).toBeUndefined();
  return data.grantRole as { changed: boolean; grant: unknown; changes: Change[] };
};
const netGain = (changes: readonly Change[], coordinate: string) => {
  const { gained = 0, lost = 0 } = changes.find((one) => one.coordinate === coordinate) ?? {};
  return gained - lost;
};

describe('grantRole with dryRun', () => {
  it.each([
    { role: 'READER', domain: 'middle' },
    { role: 'READER' },
    { role: 'ADMIN', domain: 'middle' },
    { role: 'ADMIN', domain: 'top' },
    { role: 'ADMIN' },
    { role: 'SUPERADMIN' },
  ])('predicts the changes of %o', async (input) => {
    const bob = await member();
    const { changes } = await dryRun(superadmin, bob, input);
    const before = await reachOf(bob);
    expect((await grant(superadmin, bob, input)).data.grantRole).toMatchObject({ changed: true, changes: null });
    const after = await reachOf(bob);
    expect(Object.entries(after).map(([coordinate]) => [coordinate, netGain(changes, coordinate)])).toEqual(
      Object.entries(after).map(([coordinate, count]) => [coordinate, count - (before[coordinate] ?? 0)]),
    );
    expect(netGain(changes, 'User')).toBeGreaterThan(0);
  });

  it('counts each coordinate by its own rule and sorts them by name', async () => {
    const { changes } = await dryRun(superadmin, await member(), { role: 'READER', domain: 'middle' });
    const places = changes.map(({ coordinate }) => coordinate);
    expect(places).toEqual(places.toSorted());
    expect(netGain(changes, 'User.phone')).toBe(netGain(changes, 'User'));
    expect(netGain(changes, 'User.email')).toBe(netGain(changes, 'User'));
    for (const place of ['User.loginCount', 'Mutation.disableUser', 'Domain', 'UserSetting']) expect(places).not.toContain(place);
    for (const { gained, lost } of changes) expect(gained + lost).toBeGreaterThan(0);
  });

  it('reports lost access when a grant is no longer delegable', async () => {
    const alice = await holder(1);
    const { changed, changes } = await dryRun(superadmin, alice, { role: 'READER', domain: 'middle' });
    expect(changed).toBe(true);
    expect(changes.map(({ coordinate }) => coordinate)).toEqual(['Mutation.grantRole', 'Mutation.revokeRole']);
    expect(changes).toMatchObject(Array(2).fill({ gained: 0, lost: expect.any(Number) }));
    expect(netGain(changes, 'Mutation.grantRole')).toBeLessThan(0);
  });

  it('changes nothing and returns no grant', async () => {
    const [line, bob] = [await chain(3), await member()];
    const before = await readTables();
    expect(await dryRun(superadmin, bob, { role: 'READER', domain: 'middle' })).toMatchObject({ changed: true, grant: null });
    expect((await dryRun(superadmin, line[0], { role: 'READER', domain: 'middle' })).changed).toBe(true);
    expect((await dryRun(line[0], bob, { role: 'READER', domain: 'middle' })).changed).toBe(true);
    expect(await readTables()).toEqual(before);
  });

  it('returns changed: false when the grant exists already', async () => {
    const bob = await holder(0);
    expect(await dryRun(superadmin, bob, { role: 'READER', domain: 'middle' })).toEqual({ changed: false, grant: null, changes: [] });
  });

  it('is rejected with the same errors as the real grant', async () => {
    const [alice, bob, domainAdmin, stranger] = [
      await holder(1),
      await member(),
      await server.user('ADMIN', 'middle'),
      await server.user(),
    ];
    const attempts: [TestUser, TestUser, Input][] = [
      [bob, alice, { role: 'READER', domain: 'middle' }],
      [alice, alice, { role: 'READER', domain: 'bottom' }],
      [alice, bob, { role: 'WRITER', domain: 'middle' }],
      [alice, bob, { role: 'READER', domain: 'middle', delegable: 1 }],
      [alice, stranger, { role: 'READER', domain: 'middle' }],
      [domainAdmin, bob, { role: 'ADMIN', domain: 'middle' }],
      [domainAdmin, stranger, { role: 'READER', domain: 'middle' }],
      [superadmin, bob, { role: 'NONE' }],
      [superadmin, bob, { role: 'ADMIN', delegable: 1 }],
      [superadmin, bob, { role: 'READER', expiresAt: '2020-01-01T00:00:00Z' }],
    ];
    for (const [by, to, input] of attempts) {
      const { code, errors } = await grant(by, to, { ...input, dryRun: true });
      const real = await grant(by, to, input);
      expect([code, errors?.[0]?.extensions.rule, errors?.[0]?.extensions.fields]).toEqual([
        real.errors?.[0]?.extensions.code ?? 'granted',
        real.errors?.[0]?.extensions.rule,
        real.errors?.[0]?.extensions.fields,
      ]);
    }
  });
});

describe('the counts of a dry run', () => {
  it('include only rows that the caller can see', async () => {
    const [alice, bob] = [await holder(1), await member()];
    for (let count = 0; count < 3; count += 1) await server.user('USER', 'bottom');
    const input = { role: 'READER', domain: 'bottom' };
    expect(netGain((await dryRun(superadmin, bob, input)).changes, 'User')).toBeGreaterThan(2);
    expect(netGain((await dryRun(alice, bob, input)).changes, 'User')).toBe(0);
  });

  it('do not reveal grants of the user that the caller cannot see', async () => {
    const [domainAdmin, bob, carol] = [await server.user('ADMIN', 'middle'), await member(), await member()];
    await delegate(superadmin, carol, { domain: null });
    const input = { role: 'READER', domain: 'middle' };
    const [ofBob, ofCarol] = [await dryRun(domainAdmin, bob, input), await dryRun(domainAdmin, carol, input)];
    expect(netGain(ofBob.changes, 'User')).toBeGreaterThan(0);
    expect(ofCarol).toEqual(ofBob);
    expect(netGain((await dryRun(superadmin, carol, input)).changes, 'User')).toBe(0);
  });

  it('do not reveal that the user holds the grant from which the own one of the caller was delegated', async () => {
    await server.db.prisma.role.create({ data: { name: 'OPERATOR', permissions: [] } });
    const people = await Promise.all(Array.from({ length: 4 }, () => server.user('USER', 'aside')));
    for (const { uuid } of people) await server.grant(uuid, 'READER', 'aside'); // they see each other, but no grants in the domain `middle`
    const [first, second, caller, stranger] = people as [TestUser, TestUser, TestUser, TestUser];
    const input = { role: 'OPERATOR', domain: 'middle' };
    await grant(superadmin, first, { ...input, delegable: 3 });
    await grant(first, second, { ...input, delegable: 2 });
    await grant(second, caller, { ...input, delegable: 1 });
    const answers = await Promise.all([first, second, stranger].map((person) => grant(caller, person, { ...input, dryRun: true })));
    expect(answers.map(({ data, errors }) => ({ data, errors }))).toEqual(
      Array(3).fill({ data: { grantRole: { changed: true, grant: null, changes: [] } }, errors: undefined }),
    );
  });
});

/** How many rows a user can see, counted by real queries. The user's own grants are left out, since the new one did not exist before. */
async function reachOf(person: TestUser): Promise<Record<string, number>> {
  const list = 'first: 100) { totalCount edges { node';
  const { data } = await person.query(`{ users(${list} { id email loginCount roles { id } } } } roles(${list} { name description } } } }`);
  const { data: about } = await person.query(`{ domains(${list} { name } } } }`);
  const users = data.users.edges.map((edge: { node: unknown }) => edge.node);
  const count = (field: string) => users.filter((user: Record<string, unknown>) => user[field] !== null).length;
  return {
    User: data.users.totalCount,
    'User.email': count('email'),
    'User.loginCount': count('loginCount'),
    RoleGrant: users.flatMap((user: { id: string; roles: unknown[] }) => (user.id === person.id ? [] : user.roles)).length,
    Role: data.roles.totalCount,
    'Role.description': data.roles.edges.filter((edge: { node: { description: string | null } }) => edge.node.description).length,
    Domain: about.domains.totalCount,
  };
}

async function readTables() {
  await waitForChain(server);
  const { prisma } = server.db;
  const by = { orderBy: { id: 'asc' } } as const;
  return [await prisma.roleGrant.findMany(by), await prisma.auditEvent.findMany(by), await prisma.token.findMany(by)];
}
