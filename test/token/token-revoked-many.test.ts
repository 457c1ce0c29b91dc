import { describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { open, until } from '../test-server.ts';
import { follow } from './following.ts';
import { end, endMany } from './log.ts';

describe('tokenRevoked, when more end at once than wait for a follower', () => {
  it('tells of each, once and in order: who takes in what is sent is not dropped, however long it takes', async () => {
    const world = await open();
    const [admin, alice] = [await world.user('SUPERADMIN'), await world.user()];
    const stream = await follow(world, admin.accessToken, '(all: true)');
    await endMany(world, alice.uuid, 1_000, 1_000);
    const deadline = Date.now() + 40_000;
    while (stream.heard.length < 1_000 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    const log = await world.db.prisma.tokenRevocation.findMany({ where: { userId: alice.uuid }, orderBy: { seq: 'asc' } });
    expect(stream.heard).toEqual(log.map(({ tokenId }) => tokenId));
    stream.leave();
  }, 60_000);

  // The embedded PostgreSQL has one connection: it takes longer to make so many than the token lives.
  it.skipIf(isEmbedded)(
    'ends over server-sent events with its access token, however much is left (needs a PostgreSQL server)',
    async () => {
      const world = await open({ ACCESS_TOKEN_TTL: '3s' });
      const { email, uuid } = await world.user('SUPERADMIN');
      const start = await end(await world.signIn(email, uuid));
      for (let times = 0; times < 5; times += 1) await endMany(world, (await world.user()).uuid, 3_000, 3_000);
      const admin = await world.signIn(email, uuid);
      const stream = await follow(world, admin.accessToken, `(all: true, after: "${start}")`, 'server-sent events');
      await stream.closed;
      const { length } = stream.heard;
      expect((await world.send('{ me { id } }', {}, { token: admin.accessToken })).code).toBe('TOKEN_EXPIRED');
      await until(() => stream.heard.length === length);
      expect(length).toBeLessThan(15_000);
    },
    90_000,
  );
});
