import { describe, expect, it } from 'vitest';
import { parseCursor } from '../../src/identity/tokens/revocation-cursor.ts';
import { isBefore } from '../../src/identity/tokens/revocation-log.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { readRevocations, revokeMany } from '../token/revocation-log.ts';
import { requestEvents } from '../token/revocation-stream.ts';
import { codeIn, post, rawSocket } from './raw-client.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');
const logOut = (person: TestUser) => person.query('mutation { logout { ended } }');
const query = 'subscription ($after: String) { tokenRevoked(all: true, after: $after) { cursor sid } }';

interface Heartbeat {
  readonly cursor: string;
  readonly age: number;
  readonly keys: string;
}

/** Opens a stream and reads its heartbeats, for each transport. */
const beatsOver = {
  async WebSocket(token: string | undefined, heartbeat: number) {
    const { send, waitForMessage, messages, socket } = await rawSocket(server);
    send({ type: 'connection_init', payload: { authorization: `Bearer ${token}`, heartbeat } });
    await waitForMessage('connection_ack');
    send({ id: '1', type: 'subscribe', payload: { query } });
    const beats = () => messages.filter(({ type }) => type === 'ping').map(({ payload }) => payload as Heartbeat);
    return { beats, events: () => messages.filter(({ type }) => type === 'next').length, leave: () => socket.terminate() };
  },
  async 'server-sent events'(token: string | undefined, heartbeat: number) {
    const leaving = new AbortController();
    const answer = await requestEvents(server, token, { query, extensions: { heartbeat } }, leaving.signal);
    let text = '';
    const reading = async () => {
      for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) text += chunk;
    };
    void reading().catch(() => {});
    const beats = () => [...text.matchAll(/^: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json ?? '') as Heartbeat);
    return { beats, events: () => text.split('event: next').length - 1, leave: () => leaving.abort() };
  },
};

describe.each(Object.entries(beatsOver))('a heartbeat over %s', (_, openStream) => {
  it('contains a cursor from which the client can resume without gaps or repetitions', async () => {
    const stream = await openStream(superadmin.accessToken, 500);
    await waitUntil(() => stream.beats().length > 0);
    const [before] = stream.beats();
    const alice = await server.user();
    await logOut(alice);
    await waitUntil(stream.events);
    const place = ({ cursor }: Heartbeat) => parseCursor(server.keys, cursor);
    const after = await waitUntil(() => stream.beats().find((beat) => before && isBefore(place(before), place(beat))));
    const missed = await readRevocations(superadmin, 'all: true', before?.cursor);
    expect(missed.map(({ sid }) => sid)).toEqual([Buffer.from(alice.tokenId, 'base64').toString().replace('Token:', '')]);
    expect(await readRevocations(superadmin, 'all: true', after.cursor)).toEqual([]);
    stream.leave();
  });

  it('contains the age of the cursor and the id of the set of public keys', async () => {
    const stream = await openStream(superadmin.accessToken, 500);
    await waitUntil(() => stream.beats().length > 0);
    const [beat] = stream.beats();
    expect(beat).toEqual({
      cursor: expect.stringMatching(/^[\w-]+$/),
      age: expect.any(Number),
      keys: expect.stringMatching(/^[\w-]{8,}$/),
    });
    expect(Number.isInteger(beat?.age) && Number(beat?.age) >= 0).toBe(true);
    stream.leave();
  });

  it('shows no one when tokens of others were revoked: every cursor is a new text', async () => {
    const stream = await openStream(superadmin.accessToken, 500);
    await waitUntil(() => stream.beats().length > 2);
    const cursors = stream.beats().map(({ cursor }) => cursor);
    expect(new Set(cursors).size).toBe(cursors.length);
    stream.leave();
  });

  it('names the same place until the stream has delivered more', async () => {
    const stream = await openStream(superadmin.accessToken, 500);
    await waitUntil(() => stream.beats().length > 1);
    const [first] = stream.beats();
    const places = stream.beats().map(({ cursor }) => parseCursor(server.keys, cursor));
    expect(places).toEqual(places.map(() => places[0]));
    expect(await readRevocations(superadmin, 'all: true', first?.cursor)).toEqual([]);
    stream.leave();
  });
});

describe('a heartbeat between many events', () => {
  it('contains no cursor beyond the delivered events', async () => {
    const { send, waitForMessage, messages, socket } = await rawSocket(server);
    send({ type: 'connection_init', payload: { authorization: `Bearer ${superadmin.accessToken}`, heartbeat: 500 } });
    await waitForMessage('connection_ack');
    const slow = 'subscription { tokenRevoked(all: true) { cursor token { user { roles { role { name } } } } } }';
    send({ id: '1', type: 'subscribe', payload: { query: slow } });
    await waitUntil(() => messages.some(({ type }) => type === 'ping'));
    for (let count = 0; count < 3; count += 1) {
      await revokeMany(server, (await server.user()).uuid, 300, 100);
      await waitUntil(() => messages.filter(({ type }) => type === 'next').length === 300 * (count + 1));
    }
    let latest = { position: 0n, seq: 0n };
    for (const { type, payload } of messages) {
      if (type === 'ping') latest = parseCursor(server.keys, payload.cursor);
      if (type === 'next') expect(isBefore(latest, parseCursor(server.keys, payload.data.tokenRevoked.cursor))).toBe(true);
    }
    socket.terminate();
  }, 60_000);
});

describe('the heartbeat interval', () => {
  it('must be between 500 ms and 30 s', async () => {
    for (const heartbeat of [0, 499, 30_001, 1.5, '500', {}, true]) {
      const { closed, send } = await rawSocket(server);
      send({ type: 'connection_init', payload: { authorization: `Bearer ${superadmin.accessToken}`, heartbeat } });
      expect([heartbeat, (await closed).code]).toEqual([heartbeat, 4400]);
      const headers = { accept: 'text/event-stream', authorization: `Bearer ${superadmin.accessToken}` };
      const answer = await post(server, JSON.stringify({ query, extensions: { heartbeat } }), headers);
      expect([heartbeat, await codeIn(answer)]).toEqual([heartbeat, 'INVALID_INPUT']);
    }
  });

  it('does not count pongs against the message limit of the WebSocket', async () => {
    const { send, messages, waitForMessage, socket } = await rawSocket(server);
    send({ type: 'connection_init', payload: { authorization: `Bearer ${superadmin.accessToken}`, heartbeat: 500 } });
    await waitForMessage('connection_ack');
    send({ id: '1', type: 'subscribe', payload: { query } });
    for (let count = 0; count < 95; count += 1) send({ type: 'pong' });
    await waitUntil(() => messages.some(({ type }) => type === 'ping'));
    const answered = () => messages.filter(({ type }) => type === 'ping').length;
    const from = answered();
    for (let count = from; count < from + 6; count += 1) {
      await waitUntil(() => answered() > count);
      send({ type: 'pong' });
    }
    expect(socket.readyState).toBe(socket.OPEN);
    socket.terminate();
  }, 20_000);
});

it('continues on a socket whose subscription was completed before it started', async () => {
  const { send, waitForMessage, messages, socket } = await rawSocket(server);
  send({ type: 'connection_init', payload: { authorization: `Bearer ${superadmin.accessToken}`, heartbeat: 500 } });
  await waitForMessage('connection_ack');
  send({ id: '1', type: 'subscribe', payload: { query } });
  send({ id: '1', type: 'complete' });
  send({ id: '2', type: 'subscribe', payload: { query } });
  await waitUntil(() => messages.some(({ type, payload }) => type === 'ping' && payload));
  socket.terminate();
});
