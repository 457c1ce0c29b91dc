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
/** How often the first server has said in its log that Redis is away. */
const complaints = () => one.said.out.split('Redis does not answer').length - 1;
const notifier = async () => (await redis?.listen(channels.tokenRevoked)) ?? { said: [], leave: () => {} };

/** Somebody who follows their own tokens at the second server, and ends sessions at the first one. */
async function follower() {
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
  it('wake each other through Redis, once for what ended tokens and not for what did not, and say nothing by it', async () => {
    const { said, leave } = await notifier();
    const { stream, endOne } = await follower();
    const { sid } = await endOne();
    await waitUntil(() => said.length && stream.sids.includes(sid));
    await endOne();
    await waitUntil(() => stream.sids.length > 1 && said.length > 1);
    expect(said).toEqual(['', '']);
    stream.leave();
    leave();
  });

  it('wake each other once the transaction can be seen: whoever looks at the wake-up finds the record', async () => {
    const { said, leave } = await notifier();
    const alice = await register(one);
    for (let round = 1; round <= 20; round += 1) {
      const { accessToken, sid } = await logIn(one, alice);
      const asked = one.query(logout, {}, { token: accessToken });
      await waitUntil(() => said.length === round);
      expect(await cluster?.db.prisma.tokenRevocation.count({ where: { tokenId: sid } }), `round ${round}`).toBe(1);
      await asked;
    }
    leave();
  });

  it('leave NOTIFY alone', async () => {
    const { DATABASE_URL } = (cluster?.environment ?? {}) as { DATABASE_URL?: string };
    const client = new pg.Client({ connectionString: DATABASE_URL });
    const notified: unknown[] = [];
    await client.connect();
    client.on('notification', (message) => notified.push(message));
    await client.query(`listen ${channels.tokenRevoked}`);
    const { stream, endOne } = await follower();
    const { sid } = await endOne();
    await waitUntil(() => stream.sids.includes(sid));
    await client.query('select 1'); // a notification of before would have come with the answer
    expect(notified).toEqual([]);
    stream.leave();
    await client.end();
  });

  it('go on without Redis, which they say once, start without it, and take it up again by themselves', async () => {
    const { alice, stream, endOne } = await follower();
    const before = complaints();
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
    expect([without.ended, stream.sids.slice(0, 2), complaints() - before]).toEqual([true, [without.sid, own.sid], 1]);
    stream.leave();
    leave();
    await late?.kill();
  });

  it('wait for no Redis that hangs, and give the line to it up', async () => {
    const { stream, endOne } = await follower();
    const before = complaints();
    redis?.pause();
    const { sid, ended } = await endOne();
    await waitUntil(() => stream.sids.includes(sid) && complaints() > before);
    redis?.goOn();
    const { said, leave } = await notifier();
    await waitUntil(async () => (await endOne()).ended && said.length);
    expect(ended).toBe(true);
    stream.leave();
    leave();
  });
});
