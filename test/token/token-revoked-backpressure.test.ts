import { describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, waitUntil } from '../test-server.ts';
import { endCursor, revokeMany } from './revocation-log.ts';
import { follow } from './revocation-stream.ts';

describe('tokenRevoked with more simultaneous revocations than the queue of a subscriber holds', () => {
  it('delivers each exactly once and in order to a client that keeps reading', async () => {
    const server = await startTestServer();
    const [admin, alice] = [await server.user('SUPERADMIN'), await server.user()];
    const stream = await follow(server, admin.accessToken, '(all: true)');
    await revokeMany(server, alice.uuid, 1_000, 1_000);
    const deadline = Date.now() + 40_000;
    while (stream.sids.length < 1_000 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    const log = await server.db.prisma.tokenRevocation.findMany({ where: { userId: alice.uuid }, orderBy: { seq: 'asc' } });
    expect(stream.sids).toEqual(log.map(({ tokenId }) => tokenId));
    stream.leave();
  }, 60_000);

  // The embedded PostgreSQL has one connection: creating that many takes longer than the token is valid.
  it.skipIf(isEmbedded)(
    'ends over server-sent events when the access token expires, even if events are pending (needs a PostgreSQL server)',
    async () => {
      const server = await startTestServer({ ACCESS_TOKEN_TTL: '3s' });
      const { email, uuid } = await server.user('SUPERADMIN');
      const start = await endCursor(await server.logIn(email, uuid));
      for (let times = 0; times < 5; times += 1) await revokeMany(server, (await server.user()).uuid, 3_000, 3_000);
      const admin = await server.logIn(email, uuid);
      const stream = await follow(server, admin.accessToken, `(all: true, after: "${start}")`, 'server-sent events');
      await stream.closed;
      const { length } = stream.sids;
      expect((await server.query('{ me { id } }', {}, { token: admin.accessToken })).code).toBe('TOKEN_EXPIRED');
      await waitUntil(() => stream.sids.length === length);
      expect(length).toBeLessThan(15_000);
    },
    90_000,
  );
});
