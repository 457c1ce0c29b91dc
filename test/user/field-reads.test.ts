import { readFileSync } from 'node:fs';
import SchemaBuilder from '@pothos/core';
import { describe, expect, it } from 'vitest';
import { accessPlugins, scopeAuthOptions } from '../../src/authorization/enforce/access-plugin.ts';
import { sql } from '../../src/database/database.ts';
import { anyone } from '../../src/policy/conditions.ts';
import { policy } from '../../src/policy/policy.ts';
import { type Role, startTestServer, type TestUser, waitUntil } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');
await server.db.prisma.role.create({ data: { name: 'READER', permissions: ['users:read'] } });
const sensitive = ['address', 'currentLoginFrom', 'lastLoginFrom', 'phone'];

const person = async (role?: Role, domain?: string) => {
  const made = await server.user(role, domain);
  const profile = { phone: '+1 555 0100', address: '1 Main Street', lastLoginFrom: '192.0.2.1' };
  await server.db.prisma.user.update({ where: { id: made.uuid }, data: profile });
  return made;
};
const [domainAdmin, reader] = [await person('ADMIN', 'north'), await person('READER')];
const [admin, superadmin] = [await person('ADMIN'), await person('SUPERADMIN')];

interface Reading {
  field: string;
  via: string;
  at: string;
  actor: { email: string } | null;
}
const mine = '{ me { fieldReads { edges { node { field via at actor { email } } } } } }';

/** The read receipts that the owner sees. */
async function readingsOf(owner: Pick<TestUser, 'query'>): Promise<Reading[]> {
  const { data, errors } = await owner.query(mine);
  expect(errors).toBeUndefined();
  return data.me.fieldReads.edges.map(({ node }: { node: Reading }) => node);
}
const waitForReadings = (owner: TestUser, wanted = (readings: Reading[]) => readings.length > 0) =>
  waitUntil(async () => {
    const readings = await readingsOf(owner);
    return wanted(readings) ? readings : undefined;
  });
const read = (caller: Pick<TestUser, 'query'>, { id }: TestUser, fields = 'phone') =>
  caller.query(`query ($id: ID!) { user(id: $id) { ${fields} } }`, { id });
const now = async () => (await server.db.query<{ now: Date }>(sql`select now()`))[0]?.now.toISOString() ?? '';

/** Waits until all receipts recorded so far are stored. They are stored in order, so it waits for a later one. */
async function waitUntilStored() {
  const last = await person();
  await read(admin, last);
  await waitForReadings(last);
}

/** The same user, calling with an API token that has these scopes. */
async function byToken(owner: TestUser, scopes: string[]): Promise<TestUser> {
  const document = 'mutation ($input: CreateApiTokenInput!) { createApiToken(input: $input) { secret } }';
  const { data } = await owner.query(document, { input: { description: 'For a script', scopes } });
  return { ...owner, query: (query, variables) => server.query(query, variables, { token: data.createApiToken.secret }) };
}

describe('a read receipt of a sensitive field', () => {
  it('is shown to the owner with the field, the time and the part of the rule', async () => {
    const [alice, before] = [await person(), await now()];
    expect((await read(admin, alice)).data.user).toEqual({ phone: '+1 555 0100' });
    const readings = await waitForReadings(alice);
    expect(readings).toEqual([{ field: 'User.phone', via: 'admin', at: expect.any(String), actor: null }]);
    const times = [before, readings[0]?.at ?? '', await now()];
    expect(times).toEqual([...times].sort());
  });

  it('contains the part of the rule that granted the access', async () => {
    const alice = await person('USER', 'north');
    await read(domainAdmin, alice, 'address');
    await read(reader, alice, 'phone');
    await read(admin, alice, 'currentLoginFrom');
    await read(superadmin, alice, 'lastLoginFrom');
    const readings = await waitForReadings(alice, ({ length }) => length === 4);
    expect(Object.fromEntries(readings.map(({ field, via }) => [field, via]))).toEqual({
      'User.address': 'domainAdmin',
      'User.phone': 'may(users:read)',
      'User.currentLoginFrom': 'admin | outranks',
      'User.lastLoginFrom': 'admin | superadmin',
    });
  });

  it('contains the reader if the owner can see them', async () => {
    await read(superadmin, admin);
    expect(await waitForReadings(admin)).toMatchObject([{ actor: { email: superadmin.email } }]);
  });

  it("is not recorded when the value is the reader's own, null or denied", async () => {
    const alice = await person('USER', 'north');
    await read(alice, alice, sensitive.join(' '));
    expect((await read(domainAdmin, alice, 'currentLoginFrom')).code).toBe('FORBIDDEN');
    expect((await read(await person(), alice)).code).toBe('NOT_FOUND');
    await server.db.prisma.user.update({ where: { id: alice.uuid }, data: { phone: null } });
    expect((await read(admin, alice, 'phone email displayName')).data.user.phone).toBeNull();
    await waitUntilStored();
    expect(await readingsOf(alice)).toEqual([]);
  });

  it("names the token's owner as the reader when an API token is used", async () => {
    const other = await person('ADMIN');
    await read(await byToken(superadmin, ['users:read']), other);
    expect(await waitForReadings(other)).toMatchObject([{ actor: { email: superadmin.email } }]);
  });

  it('is also recorded for a field in a subscription event', async () => {
    const alice = await person();
    const events = admin.socket().iterate({ query: 'subscription { tokenRevoked(all: true) { token { user { phone } } } }' });
    const first = events.next();
    await waitUntil(async () => {
      await (await server.logIn(alice.email, alice.uuid)).query('mutation { logout { __typename } }');
      return (await readingsOf(alice)).length > 0;
    });
    expect((await first).value).toEqual({ data: { tokenRevoked: { token: { user: { phone: '+1 555 0100' } } } } });
    expect(await readingsOf(alice)).toMatchObject([{ field: 'User.phone', via: 'admin' }]);
  });
});

describe('User.fieldReads', () => {
  it('contains one receipt for each reader, field and day, with the latest time, newest first', async () => {
    const alice = await person();
    await read(admin, alice);
    const [first] = await waitForReadings(alice);
    await read(admin, alice);
    expect(await waitForReadings(alice, ([one]) => String(one?.at) > String(first?.at))).toHaveLength(1);
    await server.db.query(sql`update "FieldRead" set day = day - 1, at = at - interval '1 day'
      where "userId" = ${alice.uuid}::uuid and day = (now() at time zone 'UTC')::date`);
    await read(admin, alice);
    const times = (await waitForReadings(alice, ({ length }) => length === 2)).map(({ at }) => at);
    expect(times).toEqual([...times].sort().reverse());
  });

  it('can be read by the owner only, whatever the rank of others', async () => {
    const alice = await person('USER', 'north');
    await read(admin, alice);
    await waitForReadings(alice);
    expect((await alice.query('{ me { fieldReads { totalCount } } }')).data.me.fieldReads).toEqual({ totalCount: 1 });
    for (const other of [domainAdmin, reader, admin, superadmin]) {
      const { data, errors } = await read(other, alice, 'fieldReads { totalCount edges { node { field } } }');
      expect(data.user).toEqual({ fieldReads: null });
      expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', coordinate: 'User.fieldReads' } }]);
    }
  });

  it('can be read by the owner with an API token that has the scope users:read', async () => {
    const alice = await person();
    expect(await readingsOf(await byToken(alice, ['users:read']))).toEqual([]);
    expect((await (await byToken(alice, ['settings:read', 'tokens:read'])).query(mine)).code).toBe('FORBIDDEN');
  });
});

describe('sensitive fields', () => {
  it('are marked in accessRules and in the schema', async () => {
    const { data } = await server.query('{ accessRules { coordinate sensitive } }');
    const fields = data.accessRules.filter((one: { sensitive: boolean }) => one.sensitive);
    expect(fields.map((one: { coordinate: string }) => one.coordinate)).toEqual([
      'AuditEvent.network',
      'Token.createdFrom',
      'Token.reuse',
      ...sensitive.map((name) => `User.${name}`),
    ]);
    const printed = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
    const marked = printed.matchAll(/^ {2}(\w+): String @access\(rule: "[^"]+", sensitive: true\)$/gm);
    expect([...marked].map(([, name]) => name)).toEqual(['network', 'createdFrom', ...sensitive]);
  });

  it.each([
    ['has no Prisma model', {}, 'Thing.name is sensitive, but its type has no rows'],
    [
      'has no owner',
      { extensions: { pothosPrismaModel: 'Domain' } },
      'Thing.name is sensitive, but a row of Domain does not contain the id of its owner',
    ],
  ])('fail the schema build on a type that %s', (_, type, message) => {
    const builder = new SchemaBuilder<{ Objects: { Thing: object } }>({
      plugins: accessPlugins,
      access: { policy },
      scopeAuth: scopeAuthOptions,
    } as never);
    const access = anyone('a test');
    builder.objectType('Thing', { ...type, access, fields: (t) => ({ name: t.string({ sensitive: true, resolve: () => '' }) }) });
    builder.queryType({ fields: (t) => ({ thing: t.field({ type: 'Thing', access, resolve: () => ({}) }) }) });
    expect(() => builder.toSchema()).toThrow(message);
  });
});
