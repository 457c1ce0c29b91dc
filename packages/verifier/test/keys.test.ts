import { afterAll, describe, expect, it } from 'vitest';
import { codeOf, openVerifier, until } from './open-verifier.ts';
import { openIssuer, send } from './test-issuer.ts';

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
});

async function createServer() {
  const issuer = await openIssuer();
  const verifier = await openVerifier(issuer);
  closing.push(issuer.close, verifier.close);
  return { issuer, verifier };
}

const path = '/.well-known/jwks.json';
const times = (requests: readonly string[]) => requests.filter((one) => one === path).length;

describe.concurrent('the keys of the server', () => {
  it('are reloaded when a heartbeat names another key set', async () => {
    const { issuer, verifier } = await createServer();
    await issuer.addKey('second');
    await until(async () => (await codeOf(verifier.verify(await issuer.token({}, {}, 'second')))) === 'accepted');
  });

  it('invalidate tokens of a removed key, even if they are cached', async () => {
    const { issuer, verifier } = await createServer();
    await issuer.addKey('second');
    const [one, other] = [await issuer.token(), await issuer.token({}, {}, 'second')];
    await until(async () => (await codeOf(verifier.verify(other))) === 'accepted');
    expect(await codeOf(verifier.verify(one))).toBe('accepted');
    issuer.keys.delete('first');
    await until(async () => (await codeOf(verifier.verify(one))) === 'ERR_TOKEN_INVALID');
    expect(await codeOf(verifier.verify(other))).toBe('accepted');
  });

  it('are replaced when a key changes under the same kid', async () => {
    const { issuer, verifier } = await createServer();
    const jwt = await issuer.token();
    expect(await codeOf(verifier.verify(jwt))).toBe('accepted');
    await issuer.addKey('first');
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_TOKEN_INVALID');
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('accepted');
  });

  it('make the verifier stale while a changed key set cannot be loaded', async () => {
    const { issuer, verifier } = await createServer();
    const jwt = await issuer.token();
    issuer.faults[path] = (_, response) => send(response, 503, {});
    await issuer.addKey('second');
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_STALE');
    delete issuer.faults[path];
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'accepted');
  });

  it('make the verifier stale while a cache returns an older key set', async () => {
    const { issuer, verifier } = await createServer();
    const jwt = await issuer.token();
    const old = await (await fetch(`${issuer.url}${path}`)).json();
    issuer.faults[path] = (_, response) => send(response, 200, old);
    await issuer.addKey('second');
    issuer.keys.delete('first');
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_STALE');
    delete issuer.faults[path];
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_TOKEN_INVALID');
  });

  it('do not make the verifier stale while they are unchanged, even if they cannot be loaded', async () => {
    const { issuer, verifier } = await createServer();
    const jwt = await issuer.token();
    const before = times(issuer.requests);
    issuer.faults[path] = () => {};
    await until(() => times(issuer.requests) > before);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await codeOf(verifier.verify(jwt))).toBe('accepted');
  });

  it.each([
    ['no keys', { keys: [] }],
    ['a malformed list', { keys: 'none' }],
    ['keys of another type', { keys: [{ kty: 'RSA', kid: 'first', n: 'AQAB', e: 'AQAB' }] }],
    ['an empty list', []],
  ])('are kept when the response contains %s', async (_, answer) => {
    const { issuer, verifier } = await createServer();
    const jwt = await issuer.token();
    issuer.faults[path] = (__, response) => send(response, 200, answer);
    issuer.beat.keys = 'others';
    await until(() => times(issuer.requests) >= 4);
    expect(await codeOf(verifier.verify(jwt, { maxStaleness: '10m' }))).toBe('accepted');
  });

  it('are reloaded at most every 10 s for tokens with an unknown kid', async () => {
    const { issuer, verifier } = await createServer();
    const before = times(issuer.requests);
    await issuer.addKey('unpublished');
    const unknown = await Promise.all(Array.from({ length: 50 }, () => issuer.token({}, { kid: 'unknown' }, 'unpublished')));
    await Promise.all(unknown.map((jwt) => codeOf(verifier.verify(jwt))));
    for (const jwt of unknown) expect(await codeOf(verifier.verify(jwt))).toBe('ERR_TOKEN_INVALID');
    expect(times(issuer.requests) - before).toBeLessThanOrEqual(1);
  });
});
