import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { permissions } from '../../src/policy/permissions.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');
const superadmin = await server.user('SUPERADMIN');
const alice = await server.user('USER', 'north');
const role = await server.db.prisma.role.create({ data: { name: 'CLERK' } });

const grant = 'mutation ($id: ID!, $role: String!) { grantRole(input: { userId: $id, role: $role }) { changed } }';
const revoke = 'mutation ($id: ID!, $role: String!) { revokeRole(input: { userId: $id, role: $role }) { changed } }';

describe('an API token of a superadmin with every scope', async () => {
  const mint = 'mutation ($scopes: [String!]!) { createApiToken(input: { description: "all", scopes: $scopes }) { secret } }';
  const { secret } = (await superadmin.query(mint, { scopes: Object.keys(permissions) })).data.createApiToken;
  const roleId = Buffer.from(`Role:${role.id}`).toString('base64');

  it.each([
    ['grantRole', `mutation { grantRole(input: { userId: "${alice.id}", role: "CLERK" }) { changed } }`],
    ['grantRole in a domain', `mutation { grantRole(input: { userId: "${alice.id}", role: "CLERK", domain: "north" }) { changed } }`],
    ['grantRole to its owner', `mutation { grantRole(input: { userId: "${superadmin.id}", role: "CLERK" }) { changed } }`],
    ['revokeRole', `mutation { revokeRole(input: { userId: "${alice.id}", role: "USER", domain: "north" }) { changed } }`],
    ['createRole', 'mutation { createRole(input: { name: "NEW" }) { role { name } } }'],
    ['updateRole', `mutation { updateRole(input: { id: "${roleId}", permissions: [] }) { role { name } } }`],
    ['deleteRole', `mutation { deleteRole(input: { id: "${roleId}" }) { deletedId } }`],
    ['createApiToken', 'mutation { createApiToken(input: { description: "more", scopes: ["users:read"] }) { secret } }'],
    ['reauthenticate', `mutation { reauthenticate(input: { password: "${superadmin.password}" }) { accessToken } }`],
  ])('cannot call %s', async (_, document) => {
    const before = await counts();
    expect((await server.query(document, {}, { token: secret })).code).toBe('FORBIDDEN');
    expect(await counts()).toEqual(before);
  });

  const counts = async () => ({
    grants: await server.db.prisma.roleGrant.count(),
    roles: await server.db.prisma.role.count(),
    tokens: await server.db.prisma.token.count(),
  });
});

const isWaiting = async () =>
  (await server.db.query(sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).length > 0;

/** Deletes all grants of `person` in a transaction that commits when `meanwhile` waits for its lock. */
const demoteDuring = (person: TestUser, meanwhile: () => Promise<unknown>) =>
  server.db.prisma.$transaction(async (tx) => {
    await tx.roleGrant.deleteMany({ where: { userId: person.uuid } });
    const answer = meanwhile();
    await waitUntil(isWaiting);
    return { answer };
  });

describe('a caller who loses the permission between the start of a request and its write', () => {
  it.skipIf(isEmbedded).each([grant, revoke])('is rejected: %s', async (document) => {
    const admin = await server.user('ADMIN');
    const before = await server.db.prisma.roleGrant.findMany({ where: { userId: alice.uuid } });
    const { answer } = await demoteDuring(admin, () => admin.query(document, { id: alice.id, role: 'CLERK' }));
    expect(await answer).toMatchObject({ code: 'FORBIDDEN' });
    expect(await server.db.prisma.roleGrant.findMany({ where: { userId: alice.uuid } })).toEqual(before);
  });

  it('either writes before the revocation or is rejected, when both run concurrently', async () => {
    for (let round = 0; round < 3; round += 1) {
      const [admin, bob] = [await server.user('ADMIN'), await server.user()];
      const [demoted, granted] = await Promise.all([
        superadmin.query(revoke, { id: admin.id, role: 'ADMIN' }),
        admin.query(grant, { id: bob.id, role: 'CLERK' }),
      ]);
      expect(demoted.data.revokeRole.changed).toBe(true);
      const events = await server.db.prisma.auditEvent.findMany({
        where: { action: 'privilege_permissions_changed', userId: { in: [admin.uuid, bob.uuid] } },
        orderBy: { id: 'asc' },
      });
      expect(granted.code ? events.map(({ userId }) => userId) : events[0]?.userId).toEqual(granted.code ? [admin.uuid] : bob.uuid);
    }
  });

  it('is rejected when the account is disabled or the session was revoked', async () => {
    const [off, out] = [await server.user('ADMIN'), await server.user('ADMIN')];
    await server.db.query(sql`update "User" set enabled = false where id = ${off.uuid}::uuid`);
    await server.db.query(sql`update "Token" set "revokedAt" = now(), "revokedReason" = 'LOGOUT' where "userId" = ${out.uuid}::uuid`);
    expect((await off.query(grant, { id: alice.id, role: 'CLERK' })).code).toBe('ACCOUNT_DISABLED');
    expect((await out.query(grant, { id: alice.id, role: 'CLERK' })).code).toBe('TOKEN_REVOKED');
  });
});
