import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';
import { seedDelegation } from './delegation-fixtures.ts';

const server = await startTestServer();
const { superadmin, pass, member, holder, chain } = await seedDelegation(server);
await server.db.prisma.role.updateMany({ data: { description: 'Said of it' } });
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
const rehearse = async (by: Pick<TestUser, 'query'>, to: Pick<TestUser, 'id'>, input: Input) => {
  const { data, errors } = await grant(by, to, { ...input, dryRun: true });
  expect(errors).toBeUndefined();
  return data.grantRole as { changed: boolean; grant: unknown; changes: Change[] };
};
const at = (changes: readonly Change[], coordinate: string) => {
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
  ])('says what happens by %o', async (input) => {
    const bob = await member();
    const { changes } = await rehearse(superadmin, bob, input);
    const before = await reachOf(bob);
    expect((await grant(superadmin, bob, input)).data.grantRole).toMatchObject({ changed: true, changes: null });
    const after = await reachOf(bob);
    expect(Object.entries(after).map(([coordinate]) => [coordinate, at(changes, coordinate)])).toEqual(
      Object.entries(after).map(([coordinate, count]) => [coordinate, count - (before[coordinate] ?? 0)]),
    );
    expect(at(changes, 'User')).toBeGreaterThan(0);
  });

  it('counts each place by its own rule, in the order of their names', async () => {
    const { changes } = await rehearse(superadmin, await member(), { role: 'READER', domain: 'middle' });
    const places = changes.map(({ coordinate }) => coordinate);
    expect(places).toEqual(places.toSorted());
    expect(at(changes, 'User.phone')).toBe(at(changes, 'User'));
    expect(at(changes, 'User.email')).toBe(at(changes, 'User'));
    for (const place of ['User.loginCount', 'Mutation.disableUser', 'Domain', 'UserSetting']) expect(places).not.toContain(place);
    for (const { gained, lost } of changes) expect(gained + lost).toBeGreaterThan(0);
  });

  it('says what is lost: who may no longer pass a grant on grants to nobody', async () => {
    const alice = await holder(1);
    const { changed, changes } = await rehearse(superadmin, alice, { role: 'READER', domain: 'middle' });
    expect(changed).toBe(true);
    expect(changes.map(({ coordinate }) => coordinate)).toEqual(['Mutation.grantRole', 'Mutation.revokeRole']);
    expect(changes).toMatchObject(Array(2).fill({ gained: 0, lost: expect.any(Number) }));
    expect(at(changes, 'Mutation.grantRole')).toBeLessThan(0);
  });

  it('changes nothing, and answers no grant', async () => {
    const [line, bob] = [await chain(3), await member()];
    const before = await everything();
    expect(await rehearse(superadmin, bob, { role: 'READER', domain: 'middle' })).toMatchObject({ changed: true, grant: null });
    expect((await rehearse(superadmin, line[0], { role: 'READER', domain: 'middle' })).changed).toBe(true);
    expect((await rehearse(line[0], bob, { role: 'READER', domain: 'middle' })).changed).toBe(true);
    expect(await everything()).toEqual(before);
  });

  it('says that nothing would change where nothing would', async () => {
    const bob = await holder(0);
    expect(await rehearse(superadmin, bob, { role: 'READER', domain: 'middle' })).toEqual({ changed: false, grant: null, changes: [] });
  });

  it('is refused wherever the grant is refused, in the same words', async () => {
    const [alice, bob, keeper, stranger] = [await holder(1), await member(), await server.user('ADMIN', 'middle'), await server.user()];
    const attempts: [TestUser, TestUser, Input][] = [
      [bob, alice, { role: 'READER', domain: 'middle' }],
      [alice, alice, { role: 'READER', domain: 'bottom' }],
      [alice, bob, { role: 'WRITER', domain: 'middle' }],
      [alice, bob, { role: 'READER', domain: 'middle', delegable: 1 }],
      [alice, stranger, { role: 'READER', domain: 'middle' }],
      [keeper, bob, { role: 'ADMIN', domain: 'middle' }],
      [keeper, stranger, { role: 'READER', domain: 'middle' }],
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

describe('what a dry run counts', () => {
  it('is only what the caller may know of', async () => {
    const [alice, bob] = [await holder(1), await member()];
    for (let count = 0; count < 3; count += 1) await server.user('USER', 'bottom');
    const input = { role: 'READER', domain: 'bottom' };
    expect(at((await rehearse(superadmin, bob, input)).changes, 'User')).toBeGreaterThan(2);
    expect(at((await rehearse(alice, bob, input)).changes, 'User')).toBe(0);
  });

  it('tells nothing of what the user holds that the caller may not know of', async () => {
    const [keeper, bob, carol] = [await server.user('ADMIN', 'middle'), await member(), await member()];
    await pass(superadmin, carol, { domain: null });
    const input = { role: 'READER', domain: 'middle' };
    const [ofBob, ofCarol] = [await rehearse(keeper, bob, input), await rehearse(keeper, carol, input)];
    expect(at(ofBob.changes, 'User')).toBeGreaterThan(0);
    expect(ofCarol).toEqual(ofBob);
    expect(at((await rehearse(superadmin, carol, input)).changes, 'User')).toBe(0);
  });
});

/** For how many rows somebody has a right, by real queries; the grant itself, which is not there before, is not counted with the others. */
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

async function everything() {
  const { prisma } = server.db;
  const by = { orderBy: { id: 'asc' } } as const;
  return [await prisma.roleGrant.findMany(by), await prisma.auditEvent.findMany(by), await prisma.token.findMany(by)];
}
