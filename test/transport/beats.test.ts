import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import { readRevocations, revokeMany } from '../token/revocation-log.ts';
import { requestEvents } from '../token/revocation-stream.ts';
import { codeIn, post, rawSocket } from './raw-client.ts';

const server = await startTestServer();
const superadmin = await server.user('SUPERADMIN');
const logOut = (person: TestUser) => person.query('mutation { logout { ended } }');
const query = 'subscription ($after: String) { tokenRevoked(all: true, after: $after) { cursor sid } }';

interface Beat {
  readonly cursor: string;
  readonly age: number;
  readonly keys: string;
}

/** What a stream says while nothing happens, by its transport. */
const beatsOver = {
  async WebSocket(token: string | undefined, heartbeat: number) {
    const { send, heard, said, socket } = await rawSocket(server);
    send({ type: 'connection_init', payload: { authorization: `Bearer ${token}`, heartbeat } });
    await heard('connection_ack');
    send({ id: '1', type: 'subscribe', payload: { query } });
    const beats = () => said.filter(({ type }) => type === 'ping').map(({ payload }) => payload as Beat);
    return { beats, events: () => said.filter(({ type }) => type === 'next').length, leave: () => socket.terminate() };
  },
  async 'server-sent events'(token: string | undefined, heartbeat: number) {
    const leaving = new AbortController();
    const answer = await requestEvents(server, token, { query, extensions: { heartbeat } }, leaving.signal);
    let text = '';
    const reading = async () => {
      for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) text += chunk;
    };
    void reading().catch(() => {});
    const beats = () => [...text.matchAll(/^: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json ?? '') as Beat);
    return { beats, events: () => text.split('event: next').length - 1, leave: () => leaving.abort() };
  },
};

describe.each(Object.entries(beatsOver))('a beat over %s', (_, startTestServer) => {
  it('says where one can go on from: nothing after it is missed, nothing before it comes again', async () => {
    const stream = await startTestServer(superadmin.accessToken, 500);
    await waitUntil(() => stream.beats().length > 0);
    const [before] = stream.beats();
    const alice = await server.user();
    await logOut(alice);
    await waitUntil(stream.events);
    const after = await waitUntil(() => stream.beats().find(({ cursor }) => cursor !== before?.cursor));
    const missed = await readRevocations(superadmin, 'all: true', before?.cursor);
    expect(missed.map(({ sid }) => sid)).toEqual([Buffer.from(alice.tokenId, 'base64').toString().replace('Token:', '')]);
    expect(await readRevocations(superadmin, 'all: true', after.cursor)).toEqual([]);
    stream.leave();
  });

  it('says how old that is, and the name of the set of public keys', async () => {
    const stream = await startTestServer(superadmin.accessToken, 500);
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

  it('stands still while the stream has not come so far', async () => {
    const stream = await startTestServer(superadmin.accessToken, 500);
    await waitUntil(() => stream.beats().length > 1);
    const [first] = stream.beats();
    expect(new Set(stream.beats().map(({ cursor }) => cursor))).toEqual(new Set([first?.cursor]));
    expect(await readRevocations(superadmin, 'all: true', first?.cursor)).toEqual([]);
    stream.leave();
  });
});

describe('a beat in the middle of many events', () => {
  it('names no place that the stream has not come to', async () => {
    const { send, heard, said, socket } = await rawSocket(server);
    send({ type: 'connection_init', payload: { authorization: `Bearer ${superadmin.accessToken}`, heartbeat: 500 } });
    await heard('connection_ack');
    const slow = 'subscription { tokenRevoked(all: true) { cursor token { user { roles { role { name } } } } } }';
    send({ id: '1', type: 'subscribe', payload: { query: slow } });
    await waitUntil(() => said.some(({ type }) => type === 'ping'));
    for (let count = 0; count < 3; count += 1) {
      await revokeMany(server, (await server.user()).uuid, 300, 100);
      await waitUntil(() => said.filter(({ type }) => type === 'next').length === 300 * (count + 1));
    }
    const placeOf = (cursor: string) => Buffer.from(cursor, 'base64url').toString().split('.').map(BigInt) as [bigint, bigint];
    const isAfter = ([position, seq]: [bigint, bigint], [other, otherSeq]: [bigint, bigint]) =>
      position > other || (position === other && seq > otherSeq);
    let least: [bigint, bigint] = [0n, 0n];
    for (const { type, payload } of said) {
      if (type === 'ping') least = placeOf(payload.cursor);
      if (type === 'next') expect(isAfter(placeOf(payload.data.tokenRevoked.cursor), least)).toBe(true);
    }
    socket.terminate();
  }, 60_000);
});

describe('how often one is wanted', () => {
  it('is between half a second and half a minute', async () => {
    for (const heartbeat of [0, 499, 30_001, 1.5, '500', {}, true]) {
      const { closed, send } = await rawSocket(server);
      send({ type: 'connection_init', payload: { authorization: `Bearer ${superadmin.accessToken}`, heartbeat } });
      expect([heartbeat, (await closed).code]).toEqual([heartbeat, 4400]);
      const headers = { accept: 'text/event-stream', authorization: `Bearer ${superadmin.accessToken}` };
      const answer = await post(server, JSON.stringify({ query, extensions: { heartbeat } }), headers);
      expect([heartbeat, await codeIn(answer)]).toEqual([heartbeat, 'INVALID_INPUT']);
    }
  });

  it('costs none of the messages that a socket may send: the answers to beats are none', async () => {
    const { send, said, heard, socket } = await rawSocket(server);
    send({ type: 'connection_init', payload: { authorization: `Bearer ${superadmin.accessToken}`, heartbeat: 500 } });
    await heard('connection_ack');
    send({ id: '1', type: 'subscribe', payload: { query } });
    for (let count = 0; count < 95; count += 1) send({ type: 'pong' });
    await waitUntil(() => said.some(({ type }) => type === 'ping'));
    const answered = () => said.filter(({ type }) => type === 'ping').length;
    const from = answered();
    for (let count = from; count < from + 6; count += 1) {
      await waitUntil(() => answered() > count);
      send({ type: 'pong' });
    }
    expect(socket.readyState).toBe(socket.OPEN);
    socket.terminate();
  }, 20_000);
});
