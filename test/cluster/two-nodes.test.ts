import { afterAll, describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { uniqueAddress, waitUntil } from '../test-server.ts';
import { follow } from '../token/revocation-stream.ts';
import { logIn, type Node, refresh, register, startNodes } from './nodes.ts';

// Two processes cannot open one embedded database.
const cluster = isEmbedded ? undefined : await startNodes(2);
const [one, two] = (cluster?.nodes ?? []) as [Node, Node];
afterAll(() => cluster?.leave());

describe.skipIf(!cluster)('two servers on one database (needs a PostgreSQL server)', () => {
  it('issue exactly one successor of a refresh token that is used concurrently', async () => {
    const alice = await register(one);
    let current = alice.refreshToken;
    for (let round = 0; round < 100; round += 1) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => refresh(index % 2 ? one : two, current)));
      const successors = new Set(answers.map(({ data }) => data?.refresh.refreshToken));
      const live = await cluster?.db.prisma.tokenSecret.count({ where: { tokenId: alice.sid, usedAt: null } });
      expect([[...successors].length, live, answers.map(({ code }) => code).filter(Boolean)], `round ${round}`).toEqual([1, 1, []]);
      current = [...successors][0];
    }
    expect((await refresh(one, current)).code).toBeUndefined();
  }, 60_000);

  it('revoke a session whose refresh token is reused and stream that on the other server within a second', async () => {
    const alice = await register(one);
    const watching = await logIn(two, alice);
    const stream = await follow(two, watching.accessToken);
    const { data } = await refresh(one, alice.refreshToken);
    await cluster?.db.prisma.tokenSecret.updateMany({
      where: { tokenId: alice.sid, usedAt: { not: null } },
      data: { usedAt: new Date(Date.now() - 61_000) },
    });
    const [spent, reused] = [performance.now(), await refresh(one, alice.refreshToken)];
    await waitUntil(() => stream.sids.length);
    expect(performance.now() - spent).toBeLessThan(1_000);
    expect([reused.code, stream.events[0]?.reason, stream.sids]).toEqual(['TOKEN_REUSED', 'REUSE_DETECTED', [alice.sid]]);
    expect((await refresh(two, data.refresh.refreshToken)).code).toBe('INVALID_TOKEN');
    expect((await two.query('{ me { id } }', {}, { token: data.refresh.accessToken })).code).toBe('TOKEN_REVOKED');
    expect((await one.query('{ me { id } }', {}, { token: watching.accessToken })).code).toBeUndefined();
    stream.leave();
  });

  it('count failed logins together', async () => {
    const alice = await register(one);
    const address = uniqueAddress();
    const input = { email: alice.email, password: 'not the password at all' };
    const guess = (node: Node) =>
      node.query('mutation ($input: LoginInput!) { login(input: $input) { __typename } }', { input }, { address });
    const answers = await Promise.all(Array.from({ length: 30 }, (_, index) => guess(index % 2 ? one : two)));
    const counted = (code: string) => answers.filter((answer) => answer.code === code).length;
    expect([counted('INVALID_CREDENTIALS'), counted('RATE_LIMITED')]).toEqual([5, 25]);
  });

  it('reject a session at once after it was revoked on the other server', async () => {
    const alice = await register(one);
    for (let round = 0; round < 20; round += 1) {
      const [here, there] = round % 2 ? [one, two] : [two, one];
      const { accessToken: token } = await logIn(here, alice);
      expect((await there.query('{ me { id } }', {}, { token })).data.me.id).toBeDefined();
      await here.query('mutation { logout { ended } }', {}, { token });
      expect((await there.query('{ me { id } }', {}, { token })).code).toBe('TOKEN_REVOKED');
    }
  });

  it('work independently: one continues when the other is killed, and with its replacement', async () => {
    const [killedNode, alice] = [await cluster?.start(), await register(one)];
    const device = await logIn(one, alice);
    const stream = await follow(one, alice.accessToken);
    const pendingRefreshes = Array.from({ length: 20 }, () => refresh(killedNode as Node, device.refreshToken).catch(() => undefined));
    await killedNode?.kill();
    await Promise.all(pendingRefreshes);
    const refreshed = await refresh(one, device.refreshToken);
    expect(refreshed.code).toBeUndefined(); // regardless of how far the killed server got
    const next = await cluster?.start();
    await next?.query('mutation { logout { ended } }', {}, { token: refreshed.data.refresh.accessToken });
    await waitUntil(() => stream.sids.includes(device.sid));
    stream.leave();
    await next?.kill();
  });
});
