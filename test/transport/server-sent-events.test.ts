import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startTestServer, type TestServer, type TestUser, uniqueAddress, waitUntil } from '../test-server.ts';
import { codeIn, post, rawSocket, request } from './raw-client.ts';

const server = await startTestServer();
const bodyOf = (query: string) => JSON.stringify({ query });
const subscription = bodyOf('subscription { tokenRevoked { tokenId } }');
const events = (token: string | undefined, accept = 'text/event-stream') => ({
  accept,
  ...(token && { authorization: `Bearer ${token}` }),
});

describe('a stream of server-sent events', () => {
  it('is the only way to subscribe over HTTP', async () => {
    const { accessToken } = await server.user();
    const refused = await post(server, subscription, events(accessToken, 'application/json'));
    expect([refused.status, await codeIn(refused)]).toEqual([406, 'INVALID_INPUT']);
    const stream = await post(server, subscription, events(accessToken, 'application/json, text/event-stream'));
    expect([stream.status, stream.headers.get('content-type'), stream.headers.get('cache-control')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      'no-store',
    ]);
    await stream.body?.cancel();
  });

  it('also serves queries when the client accepts nothing else', async () => {
    const text = await (await post(server, bodyOf('{ viewer { fresh } }'), events(undefined))).text();
    expect(text).toBe(':\n\nevent: next\ndata: {"data":{"viewer":{"fresh":false}}}\n\nevent: complete\ndata:\n\n');
    const json = await post(server, bodyOf('{ viewer { fresh } }'), events(undefined, 'application/json, text/event-stream'));
    expect(await json.json()).toEqual({ data: { viewer: { fresh: false } } });
  });

  it('is rejected with a status and JSON before it starts', async () => {
    for (const [body, token, status] of [
      ['no JSON', undefined, 400],
      [bodyOf('subscription { nothing }'), undefined, 400],
      [subscription, 'nonsense', 401],
      [bodyOf('subscription { a: tokenRevoked { tokenId } b: tokenRevoked { tokenId } }'), undefined, 400],
    ] as const) {
      const answer = await post(server, body, events(token));
      expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/json; charset=utf-8']);
    }
  });

  it('shares the limit of 10 connections of a user with WebSockets', async () => {
    const alice = await server.user();
    const sockets = await Promise.all(Array.from({ length: 5 }, () => rawSocket(server)));
    for (const socket of sockets) await socket.init(alice.accessToken);
    const streams = await Promise.all(Array.from({ length: 5 }, () => post(server, subscription, events(alice.accessToken))));
    const one = () => post(server, subscription, events(alice.accessToken));
    const refused = await one();
    expect([refused.status, await codeIn(refused)]).toEqual([429, 'RATE_LIMITED']);
    await streams[0]?.body?.cancel();
    await waitUntil(async () => (await one()).status === 200);
    for (const { socket } of sockets) socket.terminate();
  });

  it('shares the limit of 50 connections of a network with WebSockets', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    const sockets = await Promise.all(Array.from({ length: 50 }, () => rawSocket(server, { address })));
    await Promise.all(sockets.map((socket) => socket.init()));
    const one = () => post(server, subscription, { ...events(alice.accessToken), 'x-forwarded-for': address });
    expect((await one()).status).toBe(429);
    sockets[0]?.socket.terminate();
    await waitUntil(async () => (await one()).status === 200);
    for (const { socket } of sockets) socket.terminate();
  });

  it('is terminated when the client does not read', async () => {
    const [superadmin, alice] = [await server.user('SUPERADMIN'), await server.user()];
    const sockets = await Promise.all(Array.from({ length: 9 }, () => rawSocket(server)));
    for (const socket of sockets) await socket.init(superadmin.accessToken);
    const stalled = await stall(server, superadmin, alice, uniqueAddress());
    const isTenthFree = async () => {
      const socket = await rawSocket(server);
      return socket.init(superadmin.accessToken).catch(() => false);
    };
    for (let seconds = 0; seconds < 40; seconds += 1) {
      if (await isTenthFree()) return stalled.destroy();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    throw new Error('the stalled stream was not terminated');
  }, 60_000);

  it('is terminated when its token expires, also if the client does not read', async () => {
    const brief = await startTestServer({ ACCESS_TOKEN_TTL: '8s' });
    const [superadmin, alice, address] = [await brief.user('SUPERADMIN'), await brief.user(), uniqueAddress()];
    const stalled = await stall(brief, superadmin, alice, address);
    const others = await Promise.all(Array.from({ length: 49 }, () => rawSocket(brief, { address })));
    await Promise.all(others.map((socket) => socket.init()));
    expect((await rawSocket(brief, { address })).status).toBe(429);
    await waitUntil(async () => (await rawSocket(brief, { address })).status === true); // sooner than a stalled stream whose token is valid
    stalled.destroy();
  }, 60_000);
});

/** Opens a stream that does not read the many and large events that it gets. */
async function stall(on: TestServer, superadmin: TestUser, alice: TestUser, address: string) {
  await on.db.prisma.user.update({ where: { id: alice.uuid }, data: { address: '.'.repeat(2_000) } });
  const manyFields = Array.from({ length: 15 }, (_, index) => `a${index}: address`).join(' ');
  const { hostname, port } = new URL(on.url);
  const stalled = connect(Number(port), hostname).on('error', () => {});
  const headers = ['accept: text/event-stream', `authorization: Bearer ${superadmin.accessToken}`, `x-forwarded-for: ${address}`];
  stalled.write(request(headers, bodyOf(`subscription { tokenRevoked(all: true) { token { user { ${manyFields} } } } }`)));
  await new Promise((resolve) => stalled.once('data', resolve));
  stalled.pause();
  const tokenId = Buffer.from(alice.tokenId, 'base64').toString().replace('Token:', '');
  const record = { tokenId, userId: alice.uuid, kind: 'SESSION', reason: 'LOGOUT', initiator: 'USER' } as const;
  await on.db.prisma.tokenRevocation.createMany({ data: Array.from({ length: 2_500 }, () => record) });
  return stalled;
}
