import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';
import { resourceServer } from '../token/revocation-log.ts';
import { requestEvents } from '../token/revocation-stream.ts';
import { rawSocket } from './raw-client.ts';

const server = await startTestServer({ ACCESS_TOKEN_TTL: '5s' });
const tokenLifetime = 5_000;
const bearer = (token: string | undefined) => `Bearer ${token}`;
const subscribe = { id: '1', type: 'subscribe', payload: { query: 'subscription { tokenRevoked { sid } }' } };
const me = { id: '2', type: 'subscribe', payload: { query: '{ me { id } }' } };

/** Refreshes the session and returns the new access token. */
async function refreshToken(person: TestUser) {
  const { data } = await server.query('mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken refreshToken } }', {
    input: { refreshToken: person.refreshToken },
  });
  person.refreshToken = data.refresh.refreshToken;
  person.accessToken = data.refresh.accessToken;
  return person.accessToken as string;
}

/** A WebSocket of a user with an open subscription. */
async function openSubscription(person: TestUser) {
  const line = await rawSocket(server);
  await line.init(person.accessToken);
  line.send(subscribe);
  return line;
}

const renew = (token: string | undefined) => ({ type: 'ping', payload: { authorization: bearer(token) } });

describe.concurrent('a WebSocket', () => {
  it('reports TOKEN_EXPIRED to its subscriptions and closes when the access token expires', async () => {
    const { closed, messages } = await openSubscription(await server.user());
    expect(await closed).toEqual({ code: 4403, reason: 'The session has ended' });
    expect(JSON.stringify(messages)).toContain('TOKEN_EXPIRED');
  }, 20_000);

  it('stays open beyond its first token when it is renewed by a ping, and uses the new token', async () => {
    const alice = await server.user();
    const line = await openSubscription(alice);
    const until = await new Promise<string>((resolve) => {
      setTimeout(async () => {
        line.send(renew(await refreshToken(alice)));
        resolve((await line.waitForMessage('pong')).payload.until);
      }, tokenLifetime * 0.6);
    });
    expect(Date.parse(until)).toBeGreaterThan(Date.now() + tokenLifetime / 2);
    await new Promise((resolve) => setTimeout(resolve, tokenLifetime / 2)); // the first token has expired by now
    line.send(me);
    expect((await line.waitForMessage('next', '2')).payload).toEqual({ data: { me: { id: alice.id } } });
    expect((await line.closed).code).toBe(4403); // closed when the second token expires
  }, 20_000);

  it('closes when it is renewed with a token of another session or user or with an invalid token', async () => {
    const alice = await server.user();
    const again = await server.logIn(alice.email, alice.uuid);
    const others = [again.accessToken, (await server.user()).accessToken, 'rubbish', (await resourceServer(server)).token];
    for (const token of others) {
      const line = await openSubscription(await server.logIn(alice.email, alice.uuid));
      line.send(renew(token));
      expect(await line.closed).toEqual({ code: 4403, reason: 'Forbidden' });
    }
    const odd = await openSubscription(again);
    odd.send({ type: 'ping', payload: { authorization: { toString: 1 } } });
    expect((await odd.closed).code).toBe(4403);
  });

  it('closes when an anonymous client sends a token to renew it', async () => {
    const line = await rawSocket(server);
    await line.init();
    line.send(renew((await server.user()).accessToken));
    expect((await line.closed).code).toBe(4403);
  });

  it('cannot be renewed after its session was revoked', async () => {
    const alice = await server.user();
    const line = await openSubscription(alice);
    const token = await refreshToken(alice);
    await alice.query('mutation { logout { ended } }');
    line.send(renew(token));
    expect((await line.closed).code).toBe(4403);
  });

  it('echoes the payload of a ping without a token', async () => {
    const line = await rawSocket(server);
    await line.init((await server.user()).accessToken);
    line.send({ type: 'ping', payload: { any: 'thing' } });
    expect((await line.waitForMessage('pong')).payload).toEqual({ any: 'thing' });
    line.socket.terminate();
  });
});

describe('a stream of server-sent events', () => {
  it('reports TOKEN_EXPIRED and ends when the access token expires', async () => {
    const { accessToken } = await server.user();
    const answer = await requestEvents(server, accessToken, { query: 'subscription { tokenRevoked { sid } }' });
    expect(await answer.text()).toContain('TOKEN_EXPIRED');
  }, 20_000);
});
