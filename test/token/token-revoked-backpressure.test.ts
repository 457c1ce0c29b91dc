import { describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { open, until } from '../test-server.ts';
import { endCursor, revokeMany } from './revocation-log.ts';
import { follow } from './revocation-stream.ts';

describe('tokenRevoked with more simultaneous revocations than the queue of a subscriber holds', () => {
  it('delivers each exactly once and in order to a client that keeps reading', async () => {
    const world = await open();
    const [admin, alice] = [await world.user('SUPERADMIN'), await world.user()];
    const stream = await follow(world, admin.accessToken, '(all: true)');
    await revokeMany(world, alice.uuid, 1_000, 1_000);
    const deadline = Date.now() + 40_000;
    while (stream.sids.length < 1_000 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    const log = await world.db.prisma.tokenRevocation.findMany({ where: { userId: alice.uuid }, orderBy: { seq: 'asc' } });
    expect(stream.sids).toEqual(log.map(({ tokenId }) => tokenId));
    stream.leave();
  }, 60_000);

  // The embedded PostgreSQL has one connection: creating that many takes longer than the token is valid.
  it.skipIf(isEmbedded)(
    'ends over server-sent events when the access token expires, even if events are pending (needs a PostgreSQL server)',
    async () => {
      const world = await open({ ACCESS_TOKEN_TTL: '3s' });
      const { email, uuid } = await world.user('SUPERADMIN');
      const start = await endCursor(await world.signIn(email, uuid));
      for (let times = 0; times < 5; times += 1) await revokeMany(world, (await world.user()).uuid, 3_000, 3_000);
      const admin = await world.signIn(email, uuid);
      const stream = await follow(world, admin.accessToken, `(all: true, after: "${start}")`, 'server-sent events');
      await stream.closed;
      const { length } = stream.sids;
      expect((await world.send('{ me { id } }', {}, { token: admin.accessToken })).code).toBe('TOKEN_EXPIRED');
      await until(() => stream.sids.length === length);
      expect(length).toBeLessThan(15_000);
    },
    90_000,
  );
});
