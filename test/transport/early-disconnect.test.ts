import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startTestServer, uniqueAddress, waitUntil } from '../test-server.ts';
import { requestEvents } from '../token/revocation-stream.ts';

const server = await startTestServer();
const subscription = { query: 'subscription { tokenRevoked { cursor } }' };

/** Requests a stream and disconnects as soon as the request is sent, while the server authenticates it. */
const openAndDisconnect = (token: string | undefined, address: string) =>
  new Promise<void>((done) => {
    const body = JSON.stringify(subscription);
    const headers = {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      'x-forwarded-for': address,
      authorization: `Bearer ${token}`,
      'content-length': Buffer.byteLength(body),
    };
    const clientRequest = request(`${server.url}/graphql`, { method: 'POST', agent: false, headers });
    clientRequest.on('error', () => {}).on('close', () => done());
    clientRequest.end(body, () => setImmediate(() => clientRequest.destroy()));
  });

const isAccepted = async (token: string | undefined) => {
  const leaving = new AbortController();
  const { status } = await requestEvents(server, token, subscription, leaving.signal);
  leaving.abort();
  return status === 200;
};

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('a client that disconnects before its stream is open', () => {
  it('releases the connection of the user', async () => {
    const alice = await server.user();
    for (let times = 0; times < 40; times += 1) await openAndDisconnect(alice.accessToken, uniqueAddress());
    expect(await waitUntil(() => isAccepted(alice.accessToken))).toBe(true);
  });

  it('releases the connection of the network', async () => {
    const address = uniqueAddress();
    for (let people = 0; people < 6; people += 1) {
      const { accessToken } = await server.user();
      for (let times = 0; times < 12; times += 1) await openAndDisconnect(accessToken, address);
    }
    const bob = await server.user();
    const answer = async () => {
      const leaving = new AbortController();
      const headers = {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        authorization: `Bearer ${bob.accessToken}`,
        'x-forwarded-for': address,
      };
      const { status } = await fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers,
        body: JSON.stringify(subscription),
        signal: leaving.signal,
      });
      leaving.abort();
      return status === 200;
    };
    expect(await waitUntil(answer)).toBe(true);
  });

  it('leaves no timers running, over WebSocket either', async () => {
    const alice = await server.user();
    const before = timers();
    for (let times = 0; times < 100; times += 1)
      await new Promise<void>((done) => {
        const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
          headers: { 'x-forwarded-for': uniqueAddress() },
        });
        const payload = { authorization: `Bearer ${alice.accessToken}`, heartbeat: 500 };
        socket.on('error', () => {}).on('close', () => done());
        socket.on('open', () =>
          socket.send(JSON.stringify({ type: 'connection_init', payload }), () => setImmediate(() => socket.terminate())),
        );
      });
    expect(await waitUntil(() => timers() <= before + 20)).toBe(true);
  });
});
