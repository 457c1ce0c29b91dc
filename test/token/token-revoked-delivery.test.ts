import { describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { revokeInOpenTransaction } from './open-transaction.ts';
import { follow } from './revocation-stream.ts';

const server = await startTestServer();
await server.domain('crowd');
const sidOf = (person: Pick<TestUser, 'tokenId'>) => Buffer.from(person.tokenId, 'base64').toString().replace('Token:', '');
const signInAgain = (person: TestUser) => server.logIn(person.email, person.uuid);
const logOut = (person: TestUser) => person.query('mutation { logout { ended } }');
const record = (person: TestUser, device: TestUser) =>
  ({ tokenId: sidOf(device), kind: 'SESSION', userId: person.uuid, reason: 'LOGOUT', initiator: 'USER' }) as const;

describe('tokenRevoked', () => {
  it('delivers nothing for a transaction that was rolled back', async () => {
    const alice = await server.user();
    const [undone, device] = [await signInAgain(alice), await signInAgain(alice)];
    const stream = await follow(server, alice.accessToken);
    const rolledBack = server.db.prisma.$transaction(async (tx) => {
      await tx.tokenRevocation.create({ data: record(alice, undone) });
      await tx.$queryRaw`select pg_notify('fieldgate_token_revoked', '')::text`;
      throw new Error('undone');
    });
    await rolledBack.catch(() => {});
    await logOut(device);
    await waitUntil(() => stream.sids.length);
    expect(stream.sids).toEqual([sidOf(device)]);
    stream.leave();
  });

  it('delivers within 2 s a revocation without a notification', async () => {
    const alice = await server.user();
    const device = await signInAgain(alice);
    const stream = await follow(server, alice.accessToken);
    await server.db.prisma.tokenRevocation.create({ data: record(alice, device) });
    const written = performance.now();
    await waitUntil(() => stream.sids.length);
    expect(performance.now() - written).toBeLessThan(2_000);
    expect(stream.sids).toEqual([sidOf(device)]);
    stream.leave();
  });

  it('delivers each of 700 simultaneous revocations exactly once', async () => {
    const domainAdmin = await server.user('ADMIN', 'crowd');
    const member = await server.user('USER', 'crowd');
    const crowd = await server.db.prisma.domain.findUniqueOrThrow({ where: { name: 'crowd' } });
    const later = new Date(Date.now() + 1e9);
    const session = {
      kind: 'SESSION' as const,
      userId: member.uuid,
      domainId: crowd.id,
      scopes: [],
      expiresAt: later,
      idleExpiresAt: later,
    };
    const rows = await server.db.prisma.token.createManyAndReturn({ data: Array.from({ length: 700 }, () => session) });
    const stream = await follow(server, domainAdmin.accessToken, '(domain: "crowd")');
    const admin = await server.user('SUPERADMIN');
    await admin.query('mutation ($input: DisableUserInput!) { disableUser(input: $input) { changed } }', { input: { id: member.id } });
    const end = performance.now() + 30_000;
    while (stream.sids.length < rows.length && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
    expect([...stream.sids].sort()).toEqual(rows.map(({ id }) => id).sort());
    stream.leave();
  }, 60_000);

  // The embedded PostgreSQL has one connection: its transactions never overlap.
  it.skipIf(isEmbedded)('delivers the revocation of a transaction that commits late (needs a PostgreSQL server)', async () => {
    const alice = await server.user();
    const [late, device] = [await signInAgain(alice), await signInAgain(alice)];
    const stream = await follow(server, alice.accessToken);
    const commit = await revokeInOpenTransaction(server, alice, sidOf(late));
    await logOut(device);
    await waitUntil(() => stream.sids.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 1_500)); // several polls of the log
    await commit();
    await waitUntil(() => stream.sids.length === 2);
    expect(stream.sids).toEqual([sidOf(device), sidOf(late)]);
    stream.leave();
  });
});
