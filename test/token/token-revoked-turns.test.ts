import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';
import { endCursor, revokeMany } from './revocation-log.ts';
import { follow, logFields, type RevocationStream, type Transport } from './revocation-stream.ts';

/** Waits until one of the streams has received that many events. */
async function received(count: number, ...streams: RevocationStream[]) {
  const end = Date.now() + 60_000;
  while (!streams.some(({ events }) => events.length >= count) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(Math.max(...streams.map(({ events }) => events.length))).toBeGreaterThanOrEqual(count);
}

describe.each<Transport>(['WebSocket', 'server-sent events'])('tokenRevoked over %s', (transport) => {
  it('reaches subscribers that select only the log before those that load objects, and HTTP requests go first as well', async () => {
    const server = await startTestServer();
    const [admin, other, alice] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN'), await server.user()];
    const slow: RevocationStream[] = [];
    while (slow.length < 6) slow.push(await follow(server, admin.accessToken, '(all: true)', transport));
    const fast = await follow(server, other.accessToken, '(all: true)', transport, logFields);
    await revokeMany(server, alice.uuid, 2_000, 2_000);
    await received(2_000, fast);
    expect(slow.flatMap(({ events }) => events).length).toBeLessThan(600); // of 12,000
    for (const stream of slow.slice(1)) stream.leave();
    for (let times = 0; times < 10; times += 1) expect((await alice.query('{ me { email } }')).code).toBeUndefined();
    const [last] = slow as [RevocationStream];
    expect(last.events.length).toBeLessThan(2_000);
    await received(300, last);
    expect(last.sids.slice(0, 300)).toEqual(fast.sids.slice(0, 300));
    expect(last.events[299]?.token).not.toBeNull();
    for (const stream of [last, fast]) stream.leave();
  }, 120_000);

  it('also while a subscriber that loads objects catches up from a cursor', async () => {
    const server = await startTestServer();
    const [admin, other] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    const [alice, bob] = [await server.user(), await server.user()];
    const start = await endCursor(admin);
    await revokeMany(server, alice.uuid, 1_500, 1_500);
    const fast = await follow(server, other.accessToken, `(userId: "${bob.id}")`, transport, logFields);
    const slow = await follow(server, admin.accessToken, `(all: true, after: "${start}")`, transport);
    await received(1, slow);
    await revokeMany(server, bob.uuid, 500, 500);
    await received(500, fast);
    expect(slow.events.length).toBeLessThan(1_500);
    await received(2_000, slow);
    for (const stream of [slow, fast]) stream.leave();
  }, 120_000);

  it('gives equal turns to subscribers that load objects', async () => {
    const server = await startTestServer();
    const [admin, alice] = [await server.user('SUPERADMIN'), await server.user()];
    const streams = [
      await follow(server, admin.accessToken, '(all: true)', transport),
      await follow(server, admin.accessToken, '(all: true)', transport),
      await follow(server, admin.accessToken, '(all: true)', transport),
    ];
    await revokeMany(server, alice.uuid, 300, 300);
    await received(150, ...streams);
    for (const { events } of streams) expect(events.length).toBeGreaterThan(100);
    for (const stream of streams) await received(300, stream);
    for (const stream of streams) stream.leave();
  }, 120_000);
});
