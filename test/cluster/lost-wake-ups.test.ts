import { afterAll, describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { isEmbedded } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';
import { follow } from '../token/revocation-stream.ts';
import { logIn, type Node, register, startNodes } from './nodes.ts';

const cluster = isEmbedded ? undefined : await startNodes(2);
const [one, two] = (cluster?.nodes ?? []) as [Node, Node];
afterAll(() => cluster?.leave());

const logout = 'mutation { logout { ended } }';

const endListening = sql`
  select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%' and datname = current_database()`;

/** Ends a session at one server, and waits until it was told at the other one. */
async function endOne(stream: Awaited<ReturnType<typeof follow>>, alice: Awaited<ReturnType<typeof register>>, node: Node) {
  const { accessToken, sid } = await logIn(node, alice);
  await node.query(logout, {}, { token: accessToken });
  await waitUntil(() => stream.sids.includes(sid));
  return sid;
}

describe.skipIf(!cluster)('a wake-up that is lost (needs a PostgreSQL server)', { timeout: 30_000 }, () => {
  it('delays a revocation and loses none, where the listening connection ends', async () => {
    const alice = await register(one);
    const stream = await follow(two, alice.accessToken);
    const sids: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      await waitUntil(async () => (await cluster?.db.query(endListening))?.length);
      sids.push(await endOne(stream, alice, one));
    }
    expect(stream.sids).toEqual(sids);
    stream.leave();
  });

  it('delays a revocation and loses none, where nothing is notified', async () => {
    const silent = await cluster?.start({ REDIS_URL: 'redis://127.0.0.1:1' }); // it ends tokens without NOTIFY, and reaches no Redis
    const alice = await register(one);
    const stream = await follow(two, alice.accessToken);
    const sids = [await endOne(stream, alice, silent as Node), await endOne(stream, alice, silent as Node)];
    expect(stream.sids).toEqual(sids);
    stream.leave();
    await silent?.kill();
  });
});
