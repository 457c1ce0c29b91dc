import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { statementsIn } from '../jobs.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser } from '../test-server.ts';
import { session } from './matrix-world.ts';

const server = await startTestServer();
await server.domain('inside');
const admin = await server.user('ADMIN');
const domainAdmin = await server.user('ADMIN', 'inside');
for (let count = 0; count < 12; count += 1) {
  await server.domain(`inside-${count}`, 'inside');
  const { uuid } = await server.user('USER', 'inside');
  await server.db.prisma.roleGrant.updateMany({ where: { userId: uuid }, data: { grantedById: admin.uuid } });
}

for (const { uuid } of [admin, domainAdmin])
  await server.db.prisma.token.createMany({ data: Array.from({ length: 12 }, () => session(uuid)) });

// The driver itself, so that nothing goes past the count.
const driver = isEmbedded ? vi.spyOn(PGlite.prototype, 'query') : vi.spyOn(pg.Client.prototype, 'query');
afterAll(() => driver.mockRestore());

/** The statements that an operation costs. What the server does on its own clock does not count. */
async function statementsOf(person: TestUser, document: string, variables?: object): Promise<string[]> {
  driver.mockClear();
  const { errors } = await person.query(document, variables);
  expect(errors?.filter(({ extensions }) => extensions.code !== 'FORBIDDEN') ?? []).toEqual([]);
  return statementsIn(driver.mock.calls);
}

describe('me', () => {
  it('costs at most two statements, the reading of the caller included', async () => {
    const document = '{ me { id email displayName roles { role { name } domain { name } } } }';
    for (const person of [admin, domainAdmin]) {
      const statements = await statementsOf(person, document);
      expect(statements.length).toBeGreaterThan(0);
      expect(statements.length).toBeLessThanOrEqual(2);
    }
  });
});

describe('a list', () => {
  it.each([
    ['users with their roles', 'users(first: $first) { totalCount edges { node { email roles { role { name } domain { name } } } } }'],
    ['users with who granted what', 'users(first: $first) { edges { node { roles { grantedBy { email } user { email } } } } }'],
    ['users with fields that are denied', 'users(first: $first) { edges { node { email loginCount } } }'],
    [
      'users with their sessions',
      'users(first: $first) { edges { node { tokens { totalCount edges { node { kind domain { name } } } } } } }',
    ],
    ['users with their settings', 'users(first: $first) { edges { node { settings { totalCount edges { node { key } } } } } }'],
    ['domains with what is below', 'domains(first: $first) { edges { node { children { totalCount edges { node { name } } } } } }'],
    ['grants with the sessions of whoever granted', 'users(first: $first) { edges { node { roles { user { tokens { totalCount } } } } } }'],
    ['sessions with whose they are', 'me { tokens(first: $first) { edges { node { kind user { email } domain { displayName } } } } }'],
    ['domains with what is around them', 'domains(first: $first) { edges { node { name parent { name } } } }'],
    ['users with what the viewer may do', 'users(first: $first) { edges { node { viewerAccess { readable } } } }'],
  ])('costs no more statements the longer it is: %s', async (_, selection) => {
    for (const person of [admin, domainAdmin]) {
      const cost = async (first: number) => (await statementsOf(person, `query ($first: Int) { ${selection} }`, { first })).length;
      const [short, long] = [await cost(2), await cost(6)];
      expect(short).toBeGreaterThan(1);
      expect(long).toBe(short);
    }
  });

  it('asks about its rows once for a rule, however many of their fields have it', async () => {
    const users = (fields: string) => `{ users { edges { node { email ${fields} } } } }`;
    const cost = async (fields: string) => (await statementsOf(admin, users(fields))).length;
    const [none, one] = [await cost(''), await cost('loginCount')];
    expect(one).toBe(none + 1);
    expect(await cost('loginCount currentLoginAt currentLoginFrom lastLoginAt lastLoginFrom ... on Node { id }')).toBe(one);
    expect(await cost('loginCount @include(if: false) ... on User @skip(if: true) { currentLoginAt }')).toBe(none);
  });

  it('asks once for the rules that come to the same for the viewer', async () => {
    const cost = async (fields: string) => (await statementsOf(admin, `{ users { edges { node { email ${fields} } } } }`)).length;
    expect(await cost('viewerAccess { readable writable operations { allowed } }')).toBe((await cost('loginCount')) + 1);
  });

  it('of nodes costs one statement for each type, however many they are', async () => {
    const users = await server.db.prisma.user.findMany({ take: 10 });
    const ids = users.map(({ id }) => Buffer.from(`User:${id}`).toString('base64'));
    const cost = async (some: string[]) =>
      (await statementsOf(admin, 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: some })).length;
    expect(await cost(ids)).toBe(await cost(ids.slice(0, 1)));
  });
});
