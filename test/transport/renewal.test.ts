import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser } from '../test-server.ts';
import { resourceServer } from '../token/revocation-log.ts';
import { requestEvents } from '../token/revocation-stream.ts';
import { rawSocket } from './raw-client.ts';

const server = await startTestServer({ ACCESS_TOKEN_TTL: '5s' });
const lasting = 5_000;
const bearer = (token: string | undefined) => `Bearer ${token}`;
const subscribe = { id: '1', type: 'subscribe', payload: { query: 'subscription { tokenRevoked { sid } }' } };
const me = { id: '2', type: 'subscribe', payload: { query: '{ me { id } }' } };

/** A newer access token of the same session. */
async function refreshed(person: TestUser) {
  const { data } = await server.query('mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken refreshToken } }', {
    input: { refreshToken: person.refreshToken },
  });
  person.refreshToken = data.refresh.refreshToken;
  person.accessToken = data.refresh.accessToken;
  return person.accessToken as string;
}

/** A socket of somebody with an open stream. */
async function streaming(person: TestUser) {
  const line = await rawSocket(server);
  await line.init(person.accessToken);
  line.send(subscribe);
  return line;
}

const renew = (token: string | undefined) => ({ type: 'ping', payload: { authorization: bearer(token) } });

describe('a socket', () => {
  it('ends with its access token: the stream says so, then it closes', async () => {
    const { closed, said } = await streaming(await server.user());
    expect(await closed).toEqual({ code: 4403, reason: 'The session has ended' });
    expect(JSON.stringify(said)).toContain('TOKEN_EXPIRED');
  }, 20_000);

  it('that is renewed by a ping goes on past the end of its first token, and asks by the new one', async () => {
    const alice = await server.user();
    const line = await streaming(alice);
    const until = await new Promise<string>((resolve) => {
      setTimeout(async () => {
        line.send(renew(await refreshed(alice)));
        resolve((await line.heard('pong')).payload.until);
      }, lasting * 0.6);
    });
    expect(Date.parse(until)).toBeGreaterThan(Date.now() + lasting / 2);
    await new Promise((resolve) => setTimeout(resolve, lasting / 2)); // the first token has ended by now
    line.send(me);
    expect((await line.heard('next', '2')).payload).toEqual({ data: { me: { id: alice.id } } });
    expect((await line.closed).code).toBe(4403); // and ends with the newer one
  }, 20_000);

  it('is not renewed by a token of another session, of another user, or by none: it closes', async () => {
    const alice = await server.user();
    const again = await server.logIn(alice.email, alice.uuid);
    const others = [again.accessToken, (await server.user()).accessToken, 'rubbish', (await resourceServer(server)).token];
    for (const token of others) {
      const line = await streaming(await server.logIn(alice.email, alice.uuid));
      line.send(renew(token));
      expect(await line.closed).toEqual({ code: 4403, reason: 'Forbidden' });
    }
    const odd = await streaming(again);
    odd.send({ type: 'ping', payload: { authorization: { toString: 1 } } });
    expect((await odd.closed).code).toBe(4403);
  });

  it('of nobody is renewed by nothing: it never becomes somebody', async () => {
    const line = await rawSocket(server);
    await line.init();
    line.send(renew((await server.user()).accessToken));
    expect((await line.closed).code).toBe(4403);
  });

  it('is not renewed once its session has ended', async () => {
    const alice = await server.user();
    const line = await streaming(alice);
    const token = await refreshed(alice);
    await alice.query('mutation { logout { ended } }');
    line.send(renew(token));
    expect((await line.closed).code).toBe(4403);
  });

  it('that pings without a token gets its ping back', async () => {
    const line = await rawSocket(server);
    await line.init((await server.user()).accessToken);
    line.send({ type: 'ping', payload: { any: 'thing' } });
    expect((await line.heard('pong')).payload).toEqual({ any: 'thing' });
    line.socket.terminate();
  });
});

describe('a stream of server-sent events', () => {
  it('ends with its access token, and says so', async () => {
    const { accessToken } = await server.user();
    const answer = await requestEvents(server, accessToken, { query: 'subscription { tokenRevoked { sid } }' });
    expect(await answer.text()).toContain('TOKEN_EXPIRED');
  }, 20_000);
});
