import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { startTestServer } from '../test-server.ts';
import { deletionCases } from './deletions.ts';
import { mutationCases } from './mutations.ts';
import { waitForChain } from './wait-for-chain.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');
const north = await server.domain('north');
const value = 'a private value';

const cases = { ...mutationCases(server, { superadmin, north, value }), ...deletionCases(server) };
const mutations = Object.keys(cases);
const prepare = async (mutation: string) => {
  const alice = await server.user();
  const prepared = await cases[mutation]?.(alice);
  if (!prepared) throw new Error(mutation);
  return { alice, ...prepared };
};
const tables = ['User', 'Role', 'RoleGrant', 'Domain', 'Token', 'TokenRevocation', 'UserSetting', 'Invitation', 'AuditEvent'] as const;
const readTables = async () => {
  await waitForChain(server);
  const rows = tables.map((name) =>
    (server.db.prisma as unknown as Record<string, { findMany(query: object): Promise<object[]> }>)[
      name.charAt(0).toLowerCase() + name.slice(1)
    ]?.findMany({ orderBy: { id: 'asc' } }),
  );
  return Promise.all(rows);
};

// That every mutation records an event is tested by the matrix (test/matrix/matrix.test.ts).
describe('the audit', () => {
  it.each(mutations)('contains one event of %s with actor, user, target, network and request id', async (mutation) => {
    const { document, variables, expected } = await prepare(mutation);
    const requestId = randomUUID();
    const headers = { 'x-request-id': requestId, 'user-agent': 'tester/1.0' };
    const { errors } = await server.query(document, variables, { token: superadmin.accessToken, address: '192.0.2.7', headers });
    expect(errors).toBeUndefined();
    const rows = await server.db.prisma.auditEvent.findMany({ where: { requestId, action: { not: 'session_revoked' } } });
    const origin = { actorId: superadmin.uuid, actorTokenId: uuidOf(superadmin.tokenId), network: '192.0.2.7', agent: 'tester/1.0' };
    expect(rows).toEqual([expect.objectContaining({ result: 'ok', domainId: null, targetId: expect.any(String), ...origin, ...expected })]);
    expect(Math.abs((rows[0]?.at.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it.each(mutations)('commits together with the change: %s is rolled back when the event cannot be written', async (mutation) => {
    const { document, variables } = await prepare(mutation);
    const before = await readTables();
    await server.db.query(sql`alter table "AuditEvent" add constraint "refuse" check (false) not valid`);
    const { code } = await superadmin.query(document, variables);
    const after = await readTables();
    await server.db.query(sql`alter table "AuditEvent" drop constraint "refuse"`);
    expect(code).toBe('INTERNAL');
    expect(after).toEqual(before);
  });

  it.each(mutations.filter((mutation) => mutation !== 'updateProfile'))(
    'records nothing for a denied %s, which changes nothing',
    async (mutation) => {
      const { document, variables } = await prepare(mutation);
      const stranger = await server.user();
      const before = await readTables();
      const { code } = await stranger.query(document, variables);
      expect(['FORBIDDEN', 'NOT_FOUND']).toContain(code);
      expect(await readTables()).toEqual(before);
    },
  );

  it('records nothing when nothing changes', async () => {
    const alice = await server.user();
    const count = () => server.db.prisma.auditEvent.count();
    const before = await count();
    for (const document of [
      'mutation ($id: ID!) { grantRole(input: { userId: $id, role: "USER" }) { changed } }',
      'mutation ($id: ID!) { revokeRole(input: { userId: $id, role: "ADMIN" }) { changed } }',
      'mutation ($id: ID!) { enableUser(input: { id: $id }) { changed } }',
    ]) {
      const { data } = await superadmin.query(document, { id: alice.id });
      expect(Object.values(data)).toEqual([{ changed: false }]);
    }
    expect(await count()).toBe(before);
  });

  it('records each session that is revoked with the account, and the actor', async () => {
    const { alice, document, variables } = await prepare('disableUser');
    await superadmin.query(document, variables);
    const rows = await server.db.prisma.auditEvent.findMany({ where: { action: 'session_revoked', userId: alice.uuid } });
    expect(rows).toMatchObject([
      { reason: 'USER_DISABLED', actorId: superadmin.uuid, targetType: 'Token', targetId: uuidOf(alice.tokenId) },
    ]);
  });

  it('contains no secrets and no personal values', async () => {
    const alice = await server.user();
    const mint = 'mutation { createApiToken(input: { description: "ci", scopes: ["users:read"] }) { secret } }';
    const { secret } = (await alice.query(mint)).data.createApiToken;
    await superadmin.query(
      'mutation ($id: ID!, $value: String!) { setSetting(input: { userId: $id, key: "a", value: $value }) { setting { id } } }',
      { id: alice.id, value },
    );
    await alice.query('mutation ($value: String!) { updateProfile(input: { address: $value }) { user { id } } }', { value });
    const text = JSON.stringify(await server.db.prisma.auditEvent.findMany());
    for (const hidden of [value, secret, alice.password, alice.accessToken, alice.refreshToken, alice.email])
      expect(text).not.toContain(hidden);
  });
});

function uuidOf(id: string) {
  return Buffer.from(id, 'base64').toString().split(':')[1];
}
