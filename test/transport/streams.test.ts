import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startTestServer, uniqueAddress, waitUntil } from '../test-server.ts';
import { codeIn, post, rawSocket, request } from './raw-client.ts';

const server = await startTestServer();
const asking = (query: string) => JSON.stringify({ query });
const following = asking('subscription { tokenRevoked { tokenId } }');
const events = (token: string | undefined, accept = 'text/event-stream') => ({
  accept,
  ...(token && { authorization: `Bearer ${token}` }),
});

describe('a stream of server-sent events', () => {
  it('is how a subscription is answered, and the only way over HTTP', async () => {
    const { accessToken } = await server.user();
    const refused = await post(server, following, events(accessToken, 'application/json'));
    expect([refused.status, await codeIn(refused)]).toEqual([406, 'INVALID_INPUT']);
    const stream = await post(server, following, events(accessToken, 'application/json, text/event-stream'));
    expect([stream.status, stream.headers.get('content-type'), stream.headers.get('cache-control')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      'no-store',
    ]);
    await stream.body?.cancel();
  });

  it('answers other operations too, for who takes nothing else', async () => {
    const text = await (await post(server, asking('{ viewer { fresh } }'), events(undefined))).text();
    expect(text).toBe(':\n\nevent: next\ndata: {"data":{"viewer":{"fresh":false}}}\n\nevent: complete\ndata:\n\n');
    const json = await post(server, asking('{ viewer { fresh } }'), events(undefined, 'application/json, text/event-stream'));
    expect(await json.json()).toEqual({ data: { viewer: { fresh: false } } });
  });

  it('is refused as any operation is, before it begins', async () => {
    for (const [body, token, status] of [
      ['no JSON', undefined, 400],
      [asking('subscription { nothing }'), undefined, 400],
      [following, 'nonsense', 401],
      [asking('subscription { a: tokenRevoked { tokenId } b: tokenRevoked { tokenId } }'), undefined, 400],
    ] as const) {
      const answer = await post(server, body, events(token));
      expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/json; charset=utf-8']);
    }
  });

  it('is one of at most 10 connections of a user, with the sockets, and one of 50 of a network', async () => {
    const alice = await server.user();
    const sockets = await Promise.all(Array.from({ length: 5 }, () => rawSocket(server)));
    for (const socket of sockets) await socket.init(alice.accessToken);
    const streams = await Promise.all(Array.from({ length: 5 }, () => post(server, following, events(alice.accessToken))));
    const one = () => post(server, following, events(alice.accessToken));
    const refused = await one();
    expect([refused.status, await codeIn(refused)]).toEqual([429, 'RATE_LIMITED']);
    await streams[0]?.body?.cancel();
    await waitUntil(async () => (await one()).status === 200);
    for (const { socket } of sockets) socket.terminate();
  });

  it('that nobody reads is cut off', async () => {
    const [superadmin, alice] = [await server.user('SUPERADMIN'), await server.user()];
    await server.db.prisma.user.update({ where: { id: alice.uuid }, data: { address: '.'.repeat(2_000) } });
    const fat = Array.from({ length: 15 }, (_, index) => `a${index}: address`).join(' ');
    const { hostname, port } = new URL(server.url);
    const deaf = connect(Number(port), hostname).on('error', () => {});
    const headers = ['accept: text/event-stream', `authorization: Bearer ${superadmin.accessToken}`, `x-forwarded-for: ${uniqueAddress()}`];
    deaf.write(request(headers, asking(`subscription { tokenRevoked(all: true) { token { user { ${fat} } } } }`)));
    await new Promise((resolve) => deaf.once('data', resolve));
    deaf.pause();
    const sockets = await Promise.all(Array.from({ length: 9 }, () => rawSocket(server)));
    for (const socket of sockets) await socket.init(superadmin.accessToken);
    const tokenId = Buffer.from(alice.tokenId, 'base64').toString().replace('Token:', '');
    const record = { tokenId, userId: alice.uuid, kind: 'SESSION', reason: 'LOGOUT', initiator: 'USER' } as const;
    await server.db.prisma.tokenRevocation.createMany({ data: Array.from({ length: 2_500 }, () => record) });
    const isTenthFree = async () => {
      const socket = await rawSocket(server);
      return socket.init(superadmin.accessToken).catch(() => false);
    };
    for (let seconds = 0; seconds < 40; seconds += 1) {
      if (await isTenthFree()) return deaf.destroy();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    throw new Error('it is still there');
  }, 60_000);
});
