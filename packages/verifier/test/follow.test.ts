import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import type { Options } from '../src/create-verifier.ts';
import { now, openIssuer, send } from './issuer.ts';
import { codeOf, opened, until } from './open-verifier.ts';

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
});

async function server(options: Partial<Options> = {}, ended: readonly [string, number][] = []) {
  const issuer = await openIssuer();
  for (const [sid, at] of ended) issuer.revoke(sid, at);
  const verifier = await opened(issuer, options);
  closing.push(issuer.close, verifier.close);
  return { issuer, verifier };
}

const times = (requests: readonly string[], path: string) => requests.filter((one) => one === path).length;

describe.concurrent.each(['sse', 'websocket'] as const)('a verifier that follows by %s', (transport) => {
  it('refuses the token of a session that ended before it began', async () => {
    const sid = randomUUID();
    const { issuer, verifier } = await server({ transport }, [[sid, now() - 60]]);
    expect(await codeOf(verifier.verify(await issuer.token({ sid })))).toBe('ERR_TOKEN_REVOKED');
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('accepted');
  });

  it('refuses the token of a session that ends, though it knew the token', async () => {
    const { issuer, verifier } = await server({ transport });
    const sid = randomUUID();
    const jwt = await issuer.token({ sid });
    expect(await codeOf(verifier.verify(jwt))).toBe('accepted');
    issuer.revoke(sid);
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_TOKEN_REVOKED');
  });

  it('says that it is stale while the line is cut, and hears afterwards of what it missed', async () => {
    const { issuer, verifier } = await server({ transport });
    const [sid, other] = [randomUUID(), randomUUID()];
    const [jwt, another] = [await issuer.token({ sid }), await issuer.token({ sid: other })];
    await issuer.close();
    issuer.revoke(sid);
    await until(() => verifier.state === 'reconnecting');
    expect(verifier.problem?.code).toBe('ERR_UNREACHABLE');
    await until(() => verifier.staleness() > 1_000);
    expect(await codeOf(verifier.verify(jwt, { maxStaleness: '1s' }))).toBe('ERR_STALE');
    expect(await codeOf(verifier.verify(jwt, { maxStaleness: '10m' }))).toBe('accepted');
    await issuer.listen();
    await until(() => verifier.state === 'following');
    expect(verifier.problem).toBeUndefined();
    expect(await codeOf(verifier.verify(jwt))).toBe('ERR_TOKEN_REVOKED');
    expect(await codeOf(verifier.verify(another))).toBe('accepted');
    expect(times(issuer.requests, '/revocations/snapshot')).toBe(1);
  });

  it('goes on from the last event or beat that it heard', async () => {
    const { issuer, verifier } = await server({ transport });
    issuer.beat.isSilent = true;
    const jwt = await issuer.token({ sid: issuer.revoke() });
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_TOKEN_REVOKED');
    for (const line of issuer.listeners) line.cut();
    await until(() => issuer.resumed.length === 2 && verifier.staleness() > 300);
    for (const line of issuer.listeners) line.beat({ cursor: 'c7', age: 0, keys: issuer.nameOfKeys() });
    await until(() => verifier.staleness() < 300);
    for (const line of issuer.listeners) line.cut();
    await until(() => issuer.resumed.length === 3);
    expect(issuer.resumed).toEqual(['c0', 'c1', 'c7']);
  });

  it('makes a line anew on which no beat is heard', async () => {
    const { issuer, verifier } = await server({ transport });
    const [line] = issuer.listeners;
    issuer.beat.isSilent = true;
    await until(() => verifier.state === 'reconnecting');
    issuer.beat.isSilent = false;
    await until(() => verifier.state === 'following');
    expect(issuer.listeners).not.toContain(line);
  });

  it('is as stale as the server was when it last read', async () => {
    const { issuer, verifier } = await server({ transport });
    issuer.beat.age = 60_000;
    const jwt = await issuer.token();
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_STALE');
    expect(verifier.staleness()).toBeLessThan(60_000); // what it knew before it still knows
    issuer.beat.age = 0;
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'accepted');
  });

  it.each(['CURSOR_EXPIRED', 'INVALID_INPUT'])('takes a snapshot anew where its cursor is answered with %s', async (code) => {
    const { issuer, verifier } = await server({ transport });
    const sid = randomUUID();
    const jwt = await issuer.token({ sid });
    const [line] = issuer.listeners;
    issuer.log.push({ sid, at: now() });
    line?.next({ data: null, errors: [{ message: 'no', extensions: { code } }] });
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_TOKEN_REVOKED');
    expect(times(issuer.requests, '/revocations/snapshot')).toBe(2);
  });

  it.each([
    ['garbage', { data: { tokenRevoked: { sid: 7 } } }],
    ['an event without a cursor', { data: { tokenRevoked: { sid: 's' } } }],
    ['nothing', { data: null }],
  ])('goes on from where it was after %s', async (_, result) => {
    const { issuer, verifier } = await server({ transport });
    for (const line of issuer.listeners) line.next(result);
    await until(() => verifier.state === 'reconnecting');
    const sid = issuer.revoke();
    await until(() => verifier.state === 'following');
    expect(await codeOf(verifier.verify(await issuer.token({ sid })))).toBe('ERR_TOKEN_REVOKED');
    expect(times(issuer.requests, '/revocations/snapshot')).toBe(1);
  });

  it.each([
    ['no cursor', { age: 0, keys: 'first' }],
    ['an age of less than nothing', { cursor: 'c0', age: -1e9, keys: 'first' }],
    ['no keys', { cursor: 'c0', age: 0 }],
  ])('takes nothing from a beat with %s', async (_, said) => {
    const { issuer, verifier } = await server({ transport });
    for (const line of issuer.listeners) line.beat(said);
    await until(() => verifier.state === 'reconnecting');
    expect(verifier.problem?.code).toBe('ERR_STREAM_INVALID');
    await until(() => verifier.state === 'following');
  });

  it('is cut off by what has no end', async () => {
    const { issuer, verifier } = await server({ transport });
    for (const line of issuer.listeners)
      line.next({ data: { tokenRevoked: { cursor: 'c0', sid: 's' } }, more: 'x'.repeat(3 * 1024 * 1024) });
    await until(() => verifier.state === 'reconnecting');
    expect(verifier.problem?.code).toBe('ERR_STREAM_INVALID');
    await until(() => verifier.state === 'following');
  });

  it('forgets no session when it knows as many as it may, and says instead that it is stale', async () => {
    const { issuer, verifier } = await server({ transport, revokedSessions: 2 });
    const [first, , third] = [issuer.revoke(), issuer.revoke(), issuer.revoke()];
    await until(() => verifier.staleness() > 1_500);
    expect(await codeOf(verifier.verify(await issuer.token({ sid: first })))).toBe('ERR_TOKEN_REVOKED');
    const jwt = await issuer.token({ sid: third });
    expect(await codeOf(verifier.verify(jwt, { maxStaleness: '1s' }))).toBe('ERR_STALE');
    expect(await codeOf(verifier.verify(jwt, { maxStaleness: '1s', onStale: 'introspect' }))).toBe('ERR_TOKEN_REVOKED');
    expect(verifier.state).toBe('following');
  });

  it('waits, stale, while the server refuses it, and goes on once it does not', async () => {
    const { issuer, verifier } = await server({ transport });
    for (const line of issuer.listeners) line.refuse();
    await until(() => verifier.state === 'reconnecting');
    expect(verifier.problem?.code).toBe('ERR_REFUSED');
    await until(() => verifier.state === 'following');
    for (const line of issuer.listeners) line.next({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
    await until(() => verifier.problem?.code === 'ERR_REFUSED');
  });
});

describe.concurrent('a verifier that follows by sse', () => {
  it('goes on from where it was where the stream is answered with something else', async () => {
    const { issuer, verifier } = await server();
    issuer.faults['/graphql'] = (_, response) => send(response, 200, { data: null });
    for (const line of issuer.listeners) line.cut();
    await until(() => verifier.problem?.code === 'ERR_STREAM_INVALID');
    issuer.faults['/graphql'] = (_, response) => send(response, 503, {});
    await until(() => verifier.problem?.code === 'ERR_UNREACHABLE');
    delete issuer.faults['/graphql'];
    await until(() => verifier.state === 'following');
  });

  it.each([
    ['a line', `data: ${'x'.repeat(3 * 1024 * 1024)}`],
    ['an event', `data: ${'x'.repeat(1024)}\n`.repeat(3 * 1024)],
  ])('is cut off by %s without end', async (_, endless) => {
    const { issuer, verifier } = await server();
    issuer.faults['/graphql'] = (__, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(endless);
    };
    for (const line of issuer.listeners) line.cut();
    await until(() => verifier.problem?.code === 'ERR_STREAM_INVALID');
  });

  it('gives its token to nobody to whom it is redirected', async () => {
    const { issuer, verifier } = await server();
    const elsewhere = await openIssuer();
    closing.push(elsewhere.close);
    issuer.faults['/graphql'] = (_, response) => void response.writeHead(307, { location: `${elsewhere.url}/graphql` }).end();
    for (const line of issuer.listeners) line.cut();
    const lines = times(issuer.requests, '/graphql');
    await until(() => times(issuer.requests, '/graphql') >= lines + 2); // the first of them has failed
    expect(verifier.problem?.code).toBe('ERR_UNREACHABLE');
    expect(elsewhere.requests).toEqual([]);
  });
});
