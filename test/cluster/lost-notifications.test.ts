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

/** Revokes a session on one server and waits until the other one streams it. */
async function revokeOne(stream: Awaited<ReturnType<typeof follow>>, alice: Awaited<ReturnType<typeof register>>, node: Node) {
  const { accessToken, sid } = await logIn(node, alice);
  await node.query(logout, {}, { token: accessToken });
  await waitUntil(() => stream.sids.includes(sid));
  return sid;
}

describe.skipIf(!cluster)('a lost notification (needs a PostgreSQL server)', { timeout: 30_000 }, () => {
  it('delays a revocation but loses none when the listening connection is terminated', async () => {
    const alice = await register(one);
    const stream = await follow(two, alice.accessToken);
    const sids: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      await waitUntil(async () => (await cluster?.db.query(endListening))?.length);
      sids.push(await revokeOne(stream, alice, one));
    }
    expect(stream.sids).toEqual(sids);
    stream.leave();
  });

  it('delays a revocation but loses none when no notification is sent', async () => {
    const silent = await cluster?.start({ REDIS_URL: 'redis://127.0.0.1:1' }); // it sends no NOTIFY and cannot reach Redis
    const alice = await register(one);
    const stream = await follow(two, alice.accessToken);
    const sids = [await revokeOne(stream, alice, silent as Node), await revokeOne(stream, alice, silent as Node)];
    expect(stream.sids).toEqual(sids);
    stream.leave();
    await silent?.kill();
  });
});
