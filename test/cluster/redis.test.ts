import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { channels } from '../../src/identity/tokens/revocation-channel.ts';
import { isEmbedded } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';
import { follow } from '../token/revocation-stream.ts';
import { logIn, type Node, register, startNodes } from './nodes.ts';
import { isInstalled, openRedis } from './redis-server.ts';

const redis = isEmbedded || !isInstalled ? undefined : await openRedis();
const cluster = redis && (await startNodes(2, { REDIS_URL: redis.url }));
const [one, two] = (cluster?.nodes ?? []) as [Node, Node];
afterAll(async () => {
  await cluster?.leave();
  await redis?.kill();
});

const logout = 'mutation { logout { ended } }';
/** How many times the first server has logged that Redis is unavailable. */
const warningCount = () => one.said.out.split('Redis is unavailable').length - 1;
const notifier = async () => (await redis?.listen(channels.tokenRevoked)) ?? { said: [], leave: () => {} };

/** A user who follows their tokens on the second server and revokes sessions on the first. */
async function createFollower() {
  const alice = await register(one);
  const stream = await follow(two, alice.accessToken);
  const endOne = async () => {
    const { accessToken, sid } = await logIn(one, alice);
    const { data } = await one.query(logout, {}, { token: accessToken });
    return { sid, ended: data?.logout.ended };
  };
  return { alice, stream, endOne };
}

describe.skipIf(!cluster)('servers with REDIS_URL (need a PostgreSQL server, and redis-server in PATH)', { timeout: 30_000 }, () => {
  it('notify each other through Redis once for each revocation, without content', async () => {
    const { said, leave } = await notifier();
    const { stream, endOne } = await createFollower();
    const { sid } = await endOne();
    await waitUntil(() => said.length && stream.sids.includes(sid));
    await endOne();
    await waitUntil(() => stream.sids.length > 1 && said.length > 1);
    expect(said).toEqual(['', '']);
    stream.leave();
    leave();
  });

  it('notify each other only after the commit, so that the record is visible', async () => {
    const { said, leave } = await notifier();
    const alice = await register(one);
    for (let round = 1; round <= 20; round += 1) {
      const { accessToken, sid } = await logIn(one, alice);
      const pendingLogout = one.query(logout, {}, { token: accessToken });
      await waitUntil(() => said.length === round);
      expect(await cluster?.db.prisma.tokenRevocation.count({ where: { tokenId: sid } }), `round ${round}`).toBe(1);
      await pendingLogout;
    }
    leave();
  });

  it('do not use NOTIFY', async () => {
    const { DATABASE_URL } = (cluster?.environment ?? {}) as { DATABASE_URL?: string };
    const client = new pg.Client({ connectionString: DATABASE_URL });
    const notified: unknown[] = [];
    await client.connect();
    client.on('notification', (message) => notified.push(message));
    await client.query(`listen ${channels.tokenRevoked}`);
    const { stream, endOne } = await createFollower();
    const { sid } = await endOne();
    await waitUntil(() => stream.sids.includes(sid));
    await client.query('select 1'); // an earlier notification would have arrived with this result
    expect(notified).toEqual([]);
    stream.leave();
    await client.end();
  });

  it('keep working and start without Redis, log its absence once, and reconnect by themselves', async () => {
    const { alice, stream, endOne } = await createFollower();
    const before = warningCount();
    await redis?.kill();
    const without = await endOne();
    await waitUntil(() => stream.sids.includes(without.sid));
    const late = await cluster?.start();
    const own = await logIn(late as Node, alice);
    await late?.query(logout, {}, { token: own.accessToken });
    await waitUntil(() => stream.sids.includes(own.sid));
    await redis?.start();
    const { said, leave } = await notifier();
    await waitUntil(async () => (await endOne()).ended && said.length);
    expect([without.ended, stream.sids.slice(0, 2), warningCount() - before]).toEqual([true, [without.sid, own.sid], 1]);
    stream.leave();
    leave();
    await late?.kill();
  });

  it('do not wait for a Redis that hangs, and reconnect to it later', async () => {
    const { stream, endOne } = await createFollower();
    const before = warningCount();
    redis?.pause();
    const { sid, ended } = await endOne();
    await waitUntil(() => stream.sids.includes(sid) && warningCount() > before);
    redis?.goOn();
    const { said, leave } = await notifier();
    await waitUntil(async () => (await endOne()).ended && said.length);
    expect(ended).toBe(true);
    stream.leave();
    leave();
  });
});
