import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { statementsIn } from '../jobs.ts';
import { sessionRow } from '../matrix/seed.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

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
  await server.db.prisma.token.createMany({ data: Array.from({ length: 12 }, () => sessionRow(uuid)) });

// Counts at the driver, so that no statement is missed.
const driver = isEmbedded ? vi.spyOn(PGlite.prototype, 'query') : vi.spyOn(pg.Client.prototype, 'query');
afterAll(() => driver.mockRestore());

/** The statements that an operation runs, without those of background work. */
async function statementsOf(person: TestUser, document: string, variables?: object): Promise<string[]> {
  driver.mockClear();
  const { errors } = await person.query(document, variables);
  expect(errors?.filter(({ extensions }) => extensions.code !== 'FORBIDDEN') ?? []).toEqual([]);
  return statementsIn(driver.mock.calls);
}

describe('me', () => {
  it('needs at most two statements, authentication included', async () => {
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
    ['users with the granters of their roles', 'users(first: $first) { edges { node { roles { grantedBy { email } user { email } } } } }'],
    ['users with fields that are denied', 'users(first: $first) { edges { node { email loginCount } } }'],
    [
      'users with their sessions',
      'users(first: $first) { edges { node { tokens { totalCount edges { node { kind domain { name } } } } } } }',
    ],
    ['users with their settings', 'users(first: $first) { edges { node { settings { totalCount edges { node { key } } } } } }'],
    ['domains with their children', 'domains(first: $first) { edges { node { children { totalCount edges { node { name } } } } } }'],
    ['grants with the sessions of their users', 'users(first: $first) { edges { node { roles { user { tokens { totalCount } } } } } }'],
    ['sessions with their users', 'me { tokens(first: $first) { edges { node { kind user { email } domain { displayName } } } } }'],
    ['domains with their parents', 'domains(first: $first) { edges { node { name parent { name } } } }'],
    ['users with viewerAccess', 'users(first: $first) { edges { node { viewerAccess { readable } } } }'],
  ])('needs the same number of statements for any length: %s', async (_, selection) => {
    for (const person of [admin, domainAdmin]) {
      const count = async (first: number) => (await statementsOf(person, `query ($first: Int) { ${selection} }`, { first })).length;
      // The fewer of two: background work may add one.
      const cost = async (first: number) => Math.min(await count(first), await count(first));
      const [short, long] = [await cost(2), await cost(6)];
      expect(short).toBeGreaterThan(1);
      expect(long).toBe(short);
    }
  });

  it('queries each rule once for all rows and fields', async () => {
    const users = (fields: string) => `{ users { edges { node { email ${fields} } } } }`;
    const cost = async (fields: string) => (await statementsOf(admin, users(fields))).length;
    const [none, one] = [await cost(''), await cost('loginCount')];
    expect(one).toBe(none + 1);
    expect(await cost('loginCount currentLoginAt currentLoginFrom lastLoginAt lastLoginFrom ... on Node { id }')).toBe(one);
    expect(await cost('loginCount @include(if: false) ... on User @skip(if: true) { currentLoginAt }')).toBe(none);
  });

  it('queries once for all rules that are equivalent for the viewer', async () => {
    const cost = async (fields: string) => (await statementsOf(admin, `{ users { edges { node { email ${fields} } } } }`)).length;
    expect(await cost('viewerAccess { readable writable operations { allowed } }')).toBe((await cost('loginCount')) + 1);
  });

  it('runs one statement for each type of nodes', async () => {
    const users = await server.db.prisma.user.findMany({ take: 10 });
    const ids = users.map(({ id }) => Buffer.from(`User:${id}`).toString('base64'));
    const cost = async (some: string[]) =>
      (await statementsOf(admin, 'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: some })).length;
    expect(await cost(ids)).toBe(await cost(ids.slice(0, 1)));
  });
});
