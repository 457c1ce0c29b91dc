import { PGlite } from '@electric-sql/pglite';
import { encodeGlobalID } from '@pothos/plugin-relay';
import pg from 'pg';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { statementsIn } from '../jobs.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser } from '../test-server.ts';
import { seedDelegation } from './delegation-fixtures.ts';

const server = await startTestServer();
const { superadmin, delegate, member, holder, chain, grantOf } = await seedDelegation(server);

const pathOf = async (viewer: Pick<TestUser, 'query'>, id: string) => {
  const document = 'query ($id: ID!) { node(id: $id) { ... on RoleGrant { path { id user { email } } } } }';
  const { data, errors } = await viewer.query(document, { id });
  expect(errors).toBeUndefined();
  return data.node.path.map((grant: { id: string } | null) => grant?.id ?? null);
};
const idsOf = async (line: readonly TestUser[]) =>
  (await Promise.all(line.map((person) => grantOf(person)))).map(({ globalId }) => globalId);

describe('RoleGrant.path', () => {
  it('contains the whole chain from the first grant to this one', async () => {
    const line = [...(await chain(5)), await member()];
    await delegate(line[4] as TestUser, line[5] as TestUser);
    const ids = await idsOf(line);
    expect(ids).toHaveLength(6);
    for (const [at, id] of ids.entries()) expect(await pathOf(superadmin, id)).toEqual(ids.slice(0, at + 1));
  });

  it('contains only the grant itself when it was not delegated', async () => {
    const alice = await holder(1);
    expect(await pathOf(alice, (await grantOf(alice)).globalId)).toEqual(await idsOf([alice]));
  });

  it('contains null for each grant that the viewer cannot see', async () => {
    const [alice, bob, carol] = [await holder(3, { domain: null }), await member(), await member()];
    await delegate(alice, bob, { delegable: 1 });
    await delegate(bob, carol);
    const [, bobs, own] = await idsOf([alice, bob, carol]);
    expect(await pathOf(carol, own as string)).toEqual([null, bobs, own]);
    await server.db.prisma.role.update({ where: { name: 'READER' }, data: { permissions: [] } });
    const path = await pathOf(carol, own as string);
    await server.db.prisma.role.update({ where: { name: 'READER' }, data: { permissions: ['users:read', 'roles:read'] } });
    expect(path).toEqual([null, null, own]);
  });

  it('contains null for a grant in an inactive domain, instead of showing it as a platform grant', async () => {
    const [alice, bob] = [await holder(2), await member()];
    await delegate(alice, bob, { delegable: 1 });
    await delegate(bob, alice, { role: 'GLANCER' });
    const [own, back] = [await grantOf(alice), await grantOf(alice, 'GLANCER')];
    expect((await pathOf(alice, back.globalId))[0]).toBe(own.globalId);
    await server.db.prisma.domain.update({ where: { name: 'middle' }, data: { active: false } });
    const path = await pathOf(alice, back.globalId);
    await server.db.prisma.domain.update({ where: { name: 'middle' }, data: { active: true } });
    expect(path).toEqual([null, null, back.globalId]);
  });

  it('runs the same number of statements for many grants as for one', async () => {
    const lines = [await chain(3), await chain(3), await chain(3)];
    const ids = await Promise.all(lines.map(async ([, , { uuid }]) => encodeGlobalID('User', uuid)));
    // Counts at the driver, so that no statement is missed. Those of background jobs are left out.
    const driver = isEmbedded ? vi.spyOn(PGlite.prototype, 'query') : vi.spyOn(pg.Client.prototype, 'query');
    afterAll(() => driver.mockRestore());
    const statements = async (wanted: string[]) => {
      driver.mockClear();
      const document = 'query ($ids: [ID!]!) { nodes(ids: $ids) { ... on User { roles { path { id } } } } }';
      expect((await superadmin.query(document, { ids: wanted })).data.nodes.at(-1).roles.at(-1).path).toHaveLength(3);
      return statementsIn(driver.mock.calls).length;
    };
    expect(await statements(ids)).toBe(await statements(ids.slice(0, 1)));
  });
});
