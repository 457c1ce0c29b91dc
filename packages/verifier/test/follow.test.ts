import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import type { Options } from '../src/create-verifier.ts';
import { codeOf, openVerifier, until } from './open-verifier.ts';
import { now, openIssuer, send } from './test-issuer.ts';

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
});

async function createServer(options: Partial<Options> = {}, ended: readonly [string, number][] = []) {
  const issuer = await openIssuer();
  for (const [sid, at] of ended) issuer.revoke(sid, at);
  const verifier = await openVerifier(issuer, options);
  closing.push(issuer.close, verifier.close);
  return { issuer, verifier };
}

const times = (requests: readonly string[], path: string) => requests.filter((one) => one === path).length;

describe.concurrent.each(['sse', 'websocket'] as const)('a verifier that follows by %s', (transport) => {
  it('rejects the token of a session that was revoked before it started', async () => {
    const sid = randomUUID();
    const { issuer, verifier } = await createServer({ transport }, [[sid, now() - 60]]);
    expect(await codeOf(verifier.verify(await issuer.token({ sid })))).toBe('ERR_TOKEN_REVOKED');
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('accepted');
  });

  it('rejects the token of a session that is revoked later, even if the token is cached', async () => {
    const { issuer, verifier } = await createServer({ transport });
    const sid = randomUUID();
    const jwt = await issuer.token({ sid });
    expect(await codeOf(verifier.verify(jwt))).toBe('accepted');
    issuer.revoke(sid);
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_TOKEN_REVOKED');
  });

  it('is stale while disconnected, and catches up with missed revocations', async () => {
    const { issuer, verifier } = await createServer({ transport });
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

  it('resumes from the cursor of the last event or heartbeat', async () => {
    const { issuer, verifier } = await createServer({ transport });
    issuer.beat.isSilent = true;
    const jwt = await issuer.token({ sid: issuer.revoke() });
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_TOKEN_REVOKED');
    for (const listener of issuer.listeners) listener.cut();
    await until(() => issuer.resumed.length === 2 && verifier.staleness() > 300);
    for (const listener of issuer.listeners) listener.beat({ cursor: 'c7', age: 0, keys: issuer.nameOfKeys() });
    await until(() => verifier.staleness() < 300);
    for (const listener of issuer.listeners) listener.cut();
    await until(() => issuer.resumed.length === 3);
    expect(issuer.resumed).toEqual(['c0', 'c1', 'c7']);
  });

  it('reconnects when heartbeats are missing', async () => {
    const { issuer, verifier } = await createServer({ transport });
    const [listener] = issuer.listeners;
    issuer.beat.isSilent = true;
    await until(() => verifier.state === 'reconnecting');
    issuer.beat.isSilent = false;
    await until(() => verifier.state === 'following');
    expect(issuer.listeners).not.toContain(listener);
  });

  it('adds the age in the heartbeat to its staleness', async () => {
    const { issuer, verifier } = await createServer({ transport });
    issuer.beat.age = 60_000;
    const jwt = await issuer.token();
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_STALE');
    expect(verifier.staleness()).toBeLessThan(60_000); // bounded by what it had received before
    issuer.beat.age = 0;
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'accepted');
  });

  it.each(['CURSOR_EXPIRED', 'INVALID_INPUT'])('loads a new snapshot when its cursor is rejected with %s', async (code) => {
    const { issuer, verifier } = await createServer({ transport });
    const sid = randomUUID();
    const jwt = await issuer.token({ sid });
    const [listener] = issuer.listeners;
    issuer.log.push({ sid, at: now() });
    listener?.next({ data: null, errors: [{ message: 'no', extensions: { code } }] });
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_TOKEN_REVOKED');
    expect(times(issuer.requests, '/revocations/snapshot')).toBe(2);
  });

  it.each([
    ['a malformed event', { data: { tokenRevoked: { sid: 7 } } }],
    ['an event without a cursor', { data: { tokenRevoked: { sid: 's' } } }],
    ['an empty result', { data: null }],
  ])('reconnects and resumes after %s', async (_, result) => {
    const { issuer, verifier } = await createServer({ transport });
    for (const listener of issuer.listeners) listener.next(result);
    await until(() => verifier.state === 'reconnecting');
    const sid = issuer.revoke();
    await until(() => verifier.state === 'following');
    expect(await codeOf(verifier.verify(await issuer.token({ sid })))).toBe('ERR_TOKEN_REVOKED');
    expect(times(issuer.requests, '/revocations/snapshot')).toBe(1);
  });

  it.each([
    ['no cursor', { age: 0, keys: 'first' }],
    ['a negative age', { cursor: 'c0', age: -1e9, keys: 'first' }],
    ['no keys', { cursor: 'c0', age: 0 }],
  ])('ignores a heartbeat with %s and reconnects', async (_, heartbeat) => {
    const { issuer, verifier } = await createServer({ transport });
    for (const listener of issuer.listeners) listener.beat(heartbeat);
    await until(() => verifier.state === 'reconnecting');
    expect(verifier.problem?.code).toBe('ERR_STREAM_INVALID');
    await until(() => verifier.state === 'following');
  });

  it('disconnects when a message is too large', async () => {
    const { issuer, verifier } = await createServer({ transport });
    for (const listener of issuer.listeners)
      listener.next({ data: { tokenRevoked: { cursor: 'c0', sid: 's' } }, more: 'x'.repeat(3 * 1024 * 1024) });
    await until(() => verifier.state === 'reconnecting');
    expect(verifier.problem?.code).toBe('ERR_STREAM_INVALID');
    await until(() => verifier.state === 'following');
  });

  it('forgets no session when its limit of revoked sessions is reached, and becomes stale instead', async () => {
    const { issuer, verifier } = await createServer({ transport, revokedSessions: 2 });
    const [first, , third] = [issuer.revoke(), issuer.revoke(), issuer.revoke()];
    await until(() => verifier.staleness() > 1_500);
    expect(await codeOf(verifier.verify(await issuer.token({ sid: first })))).toBe('ERR_TOKEN_REVOKED');
    const jwt = await issuer.token({ sid: third });
    expect(await codeOf(verifier.verify(jwt, { maxStaleness: '1s' }))).toBe('ERR_STALE');
    expect(await codeOf(verifier.verify(jwt, { maxStaleness: '1s', onStale: 'introspect' }))).toBe('ERR_TOKEN_REVOKED');
    expect(verifier.state).toBe('following');
  });

  it('is stale while the server rejects it, and recovers', async () => {
    const { issuer, verifier } = await createServer({ transport });
    for (const listener of issuer.listeners) listener.refuse();
    await until(() => verifier.state === 'reconnecting');
    expect(verifier.problem?.code).toBe('ERR_REFUSED');
    await until(() => verifier.state === 'following');
    for (const listener of issuer.listeners) listener.next({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
    await until(() => verifier.problem?.code === 'ERR_REFUSED');
  });
});

describe.concurrent('a verifier that follows by sse', () => {
  it('reconnects when the stream request returns something else', async () => {
    const { issuer, verifier } = await createServer();
    issuer.faults['/graphql'] = (_, response) => send(response, 200, { data: null });
    for (const listener of issuer.listeners) listener.cut();
    await until(() => verifier.problem?.code === 'ERR_STREAM_INVALID');
    issuer.faults['/graphql'] = (_, response) => send(response, 503, {});
    await until(() => verifier.problem?.code === 'ERR_UNREACHABLE');
    delete issuer.faults['/graphql'];
    await until(() => verifier.state === 'following');
  });

  it.each([
    ['a line', `data: ${'x'.repeat(3 * 1024 * 1024)}`],
    ['an event', `data: ${'x'.repeat(1024)}\n`.repeat(3 * 1024)],
  ])('disconnects when %s has no end', async (_, endless) => {
    const { issuer, verifier } = await createServer();
    issuer.faults['/graphql'] = (__, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(endless);
    };
    for (const listener of issuer.listeners) listener.cut();
    await until(() => verifier.problem?.code === 'ERR_STREAM_INVALID');
  });

  it('does not send its token to a redirect target', async () => {
    const { issuer, verifier } = await createServer();
    const elsewhere = await openIssuer();
    closing.push(elsewhere.close);
    issuer.faults['/graphql'] = (_, response) => void response.writeHead(307, { location: `${elsewhere.url}/graphql` }).end();
    for (const listener of issuer.listeners) listener.cut();
    const lines = times(issuer.requests, '/graphql');
    await until(() => times(issuer.requests, '/graphql') >= lines + 2); // the first attempt has failed
    expect(verifier.problem?.code).toBe('ERR_UNREACHABLE');
    expect(elsewhere.requests).toEqual([]);
  });
});
