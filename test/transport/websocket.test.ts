import { describe, expect, it } from 'vitest';
import { startTestServer, uniqueAddress, waitUntil } from '../test-server.ts';
import { rawSocket, request, sendRaw } from './raw-client.ts';

const server = await startTestServer();
const subscribe = (id: string, query = 'subscription { tokenRevoked { tokenId } }', more: object = {}) => ({
  id,
  type: 'subscribe',
  payload: { query, ...more },
});

/** True if a user can open another WebSocket. */
const canConnect = async (token: string | undefined) =>
  (await rawSocket(server)).init(token).then(
    () => true,
    () => false,
  );

/** The status of the response to a request for a WebSocket with these headers. */
async function upgradeStatus(headers: string[], path = '/graphql') {
  const upgrade = ['upgrade: websocket', 'sec-websocket-version: 13', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='];
  const bytes = request([...upgrade, ...headers], '', `GET ${path} HTTP/1.1`);
  return (await sendRaw(server.url, String(bytes).replace('connection: close', 'connection: upgrade'))).status;
}

describe('a WebSocket', () => {
  it('requires the subprotocol graphql-transport-ws', async () => {
    expect((await rawSocket(server)).socket.protocol).toBe('graphql-transport-ws');
    expect((await rawSocket(server, { protocol: 'graphql-ws' })).status).toBe(0);
    expect(await (await rawSocket(server, { protocol: '' })).closed).toEqual({ code: 4406, reason: 'Subprotocol not acceptable' });
  });

  it('is accepted at /graphql without a query string only', async () => {
    for (const path of ['/graphql?token=x', '/', '/graphql/']) expect(await upgradeStatus([], path)).toBe(404);
  });

  it('is rejected with duplicate authorization or origin headers', async () => {
    const origin = `origin: ${server.config.PUBLIC_URL}`;
    for (const headers of [
      ['authorization: Bearer a', 'Authorization: Bearer b'],
      [origin, origin],
    ])
      expect(await upgradeStatus(headers), headers[0]).toBe(400);
  });

  it('is closed unless it sends connection_init within 3 s', async () => {
    const silent = await rawSocket(server);
    expect(await silent.closed).toEqual({ code: 4408, reason: 'Connection initialisation timeout' });
  });

  it('is closed with 4403 and no details for an invalid, expired, revoked or repeated token', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    await alice.query('mutation { logout { ended } }');
    for (const payload of [
      { authorization: 'Bearer nonsense' },
      { authorization: `Bearer ${alice.accessToken}` },
      { authorization: 42 },
      { authorization: `Bearer ${bob.accessToken}`, Authorization: `Bearer ${bob.accessToken}` },
    ]) {
      const socket = await rawSocket(server);
      socket.send({ type: 'connection_init', payload });
      expect(await socket.closed, JSON.stringify(payload)).toEqual({ code: 4403, reason: 'Forbidden' });
    }
  });

  it('is closed when it subscribes before connection_init or sends that twice', async () => {
    const early = await rawSocket(server);
    early.send(subscribe('1'));
    expect(await early.closed).toEqual({ code: 4401, reason: 'Unauthorized' });
    const twice = await rawSocket(server);
    await twice.init();
    twice.send({ type: 'connection_init' });
    expect(await twice.closed).toMatchObject({ code: 4429 });
  });

  it('is closed with a generic reason for invalid messages', async () => {
    const alice = await server.user();
    const long = 'x'.repeat(300);
    for (const message of [
      'no JSON',
      '{"type":"nothing"}',
      '{"type":"ping","payload":{"__proto__":{}}}',
      `{"type":"ping","payload":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
      Buffer.from('{"type":"ping"}'),
    ]) {
      const socket = await rawSocket(server);
      await socket.init();
      socket.socket.send(message);
      expect(await socket.closed).toEqual({ code: 4400, reason: 'Invalid message' });
    }
    const taken = await rawSocket(server);
    await taken.init(alice.accessToken);
    for (const _ of [1, 2]) taken.send(subscribe(long));
    expect(await taken.closed).toEqual({ code: 4409, reason: 'Subscriber already exists' });
  });

  it('accepts frames of at most 64 KiB', async () => {
    const socket = await rawSocket(server);
    await socket.init();
    socket.send({ type: 'ping', payload: { text: 'x'.repeat(65 * 1024) } });
    expect(await socket.closed).toMatchObject({ code: 1009 });
  });

  it('returns the same errors as an HTTP request', async () => {
    const alice = await server.user();
    const socket = await rawSocket(server);
    await socket.init(alice.accessToken);
    const over = async (id: string, query: string, more: object = {}) => {
      socket.send(subscribe(id, query, more));
      await waitUntil(() => socket.messages.some((message) => message.id === id && message.type !== 'next'));
      const [{ payload } = { payload: null }] = socket.messages.filter((message) => message.id === id && message.type !== 'complete');
      return payload.errors ?? payload;
    };
    for (const [index, document] of [
      '{ viewr { fresh } }',
      '{ viewer ',
      `{ me { ${'roles { user { '.repeat(6)} id ${'} }'.repeat(6)} } }`,
      '{ node(id: "x") { id } }',
      'mutation { a: logout { ended } b: logout { ended } c: logout { ended } d: logout { ended } e: logout { ended } f: logout { ended } }',
    ].entries())
      expect(await over(String(index), document), document).toEqual((await alice.query(document)).errors);
    expect((await over('nul', '{ viewer { fresh } }', { variables: { a: 1 }, extensions: null, map: {} }))[0].extensions.code).toBe(
      'INVALID_INPUT',
    );
  });

  it('allows at most 20 subscriptions', async () => {
    const alice = await server.user();
    const socket = await rawSocket(server);
    await socket.init(alice.accessToken);
    for (let id = 0; id <= 20; id += 1) socket.send(subscribe(String(id)));
    const refused = await socket.waitForMessage('error');
    expect([refused.id, refused.payload[0].extensions]).toEqual(['20', { code: 'QUERY_TOO_COMPLEX', limit: 'subscriptions' }]);
  });

  it('is closed after 100 messages a minute, pings included, and executes nothing after them', async () => {
    const alice = await server.user();
    const socket = await rawSocket(server);
    await socket.init(alice.accessToken);
    for (let left = 50; left > 0; left -= 1) socket.socket.ping();
    for (let left = 49; left > 0; left -= 1) socket.send({ type: 'ping' });
    await waitUntil(() => socket.messages.filter(({ type }) => type === 'pong').length === 49);
    for (const id of ['late', 'later']) socket.send(subscribe(id, 'mutation { logout { ended } }'));
    expect(await socket.closed).toEqual({ code: 4429, reason: 'Too many messages' });
    expect((await alice.query('{ me { id } }')).data.me.id).toBe(alice.id);
  });

  it('is limited to 50 for each network, before authentication', async () => {
    const address = uniqueAddress();
    const sockets = await Promise.all(Array.from({ length: 50 }, () => rawSocket(server, { address })));
    expect(sockets.every(({ status }) => status === true)).toBe(true);
    expect((await rawSocket(server, { address })).status).toBe(429);
    expect((await rawSocket(server)).status).toBe(true);
    sockets[0]?.socket.terminate();
    await waitUntil(async () => (await rawSocket(server, { address })).status === true);
    for (const { socket } of sockets) socket.terminate();
  });

  it('is limited to 10 for each user', async () => {
    const alice = await server.user();
    const sockets = await Promise.all(Array.from({ length: 10 }, () => rawSocket(server)));
    for (const socket of sockets) await socket.init(alice.accessToken);
    const eleventh = await rawSocket(server);
    eleventh.send({ type: 'connection_init', payload: { authorization: `Bearer ${alice.accessToken}` } });
    expect(await eleventh.closed).toEqual({ code: 1013, reason: 'Try again later' });
    sockets[0]?.socket.close();
    await sockets[0]?.closed;
    await waitUntil(() => canConnect(alice.accessToken));
    for (const { socket } of sockets) socket.terminate();
  });

  it('is terminated when the client does not read', async () => {
    const alice = await server.user();
    const settings = Array.from({ length: 100 }, (_, index) => ({ userId: alice.uuid, key: `k${index}`, value: 'x'.repeat(2_000) }));
    await server.db.prisma.userSetting.createMany({ data: settings });
    const stalled = await rawSocket(server);
    await stalled.init(alice.accessToken);
    stalled.socket.pause();
    const query = '{ me { settings(first: 100) { edges { node { value a: value b: value c: value } } } } }';
    for (let id = 0; id < 90; id += 1) stalled.send(subscribe(String(id), query));
    const others = await Promise.all(Array.from({ length: 9 }, () => rawSocket(server)));
    for (const socket of others) await socket.init(alice.accessToken);
    await waitUntil(() => canConnect(alice.accessToken)); // the tenth connection is available again
    stalled.socket.resume();
    expect((await stalled.closed).code).toBe(1006);
  });

  it('may be reset by the client while its upgrade is rejected', async () => {
    const { connect } = await import('node:net');
    const { hostname, port } = new URL(server.url);
    for (let times = 0; times < 20; times += 1) {
      const socket = connect(Number(port), hostname).on('error', () => {});
      socket.write('GET /nothing HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.resetAndDestroy();
    }
    expect((await server.query('{ __typename }')).status).toBe(200);
  });
});
