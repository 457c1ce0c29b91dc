import { afterAll, describe, expect, it } from 'vitest';
import { openIssuer, send } from './issuer.ts';
import { codeOf, opened, until } from './open-verifier.ts';

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
});

async function server() {
  const issuer = await openIssuer();
  const verifier = await opened(issuer);
  closing.push(issuer.close, verifier.close);
  return { issuer, verifier };
}

const path = '/.well-known/jwks.json';
const times = (requests: readonly string[]) => requests.filter((one) => one === path).length;

describe.concurrent('the keys of the server', () => {
  it('are fetched anew when a beat names others', async () => {
    const { issuer, verifier } = await server();
    await issuer.addKey('second');
    await until(async () => (await codeOf(verifier.verify(await issuer.token({}, {}, 'second')))) === 'accepted');
  });

  it('take the tokens with them that they signed, also those that are known', async () => {
    const { issuer, verifier } = await server();
    await issuer.addKey('second');
    const [one, other] = [await issuer.token(), await issuer.token({}, {}, 'second')];
    await until(async () => (await codeOf(verifier.verify(other))) === 'accepted');
    expect(await codeOf(verifier.verify(one))).toBe('accepted');
    issuer.keys.delete('first');
    await until(async () => (await codeOf(verifier.verify(one))) === 'ERR_TOKEN_INVALID');
    expect(await codeOf(verifier.verify(other))).toBe('accepted');
  });

  it('are other ones under the same name where they are others', async () => {
    const { issuer, verifier } = await server();
    const jwt = await issuer.token();
    expect(await codeOf(verifier.verify(jwt))).toBe('accepted');
    await issuer.addKey('first');
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_TOKEN_INVALID');
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('accepted');
  });

  it('make the verifier stale while they are known to have changed, but not how', async () => {
    const { issuer, verifier } = await server();
    const jwt = await issuer.token();
    issuer.faults[path] = (_, response) => send(response, 503, {});
    await issuer.addKey('second');
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_STALE');
    delete issuer.faults[path];
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'accepted');
  });

  it('make it stale while what is fetched is not the set that beats name: a cache answers with an older one', async () => {
    const { issuer, verifier } = await server();
    const jwt = await issuer.token();
    const old = await (await fetch(`${issuer.url}${path}`)).json();
    issuer.faults[path] = (_, response) => send(response, 200, old);
    await issuer.addKey('second');
    issuer.keys.delete('first');
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_STALE');
    delete issuer.faults[path];
    await until(async () => (await codeOf(verifier.verify(jwt))) === 'ERR_TOKEN_INVALID');
  });

  it('do not make it stale while they have not changed, whether they can be fetched or not', async () => {
    const { issuer, verifier } = await server();
    const jwt = await issuer.token();
    const before = times(issuer.requests);
    issuer.faults[path] = () => {};
    await until(() => times(issuer.requests) > before);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await codeOf(verifier.verify(jwt))).toBe('accepted');
  });

  it.each([
    ['no keys', { keys: [] }],
    ['no list', { keys: 'none' }],
    ['keys of another kind', { keys: [{ kty: 'RSA', kid: 'first', n: 'AQAB', e: 'AQAB' }] }],
    ['nothing', []],
  ])('stay what they were where the answer holds %s', async (_, answer) => {
    const { issuer, verifier } = await server();
    const jwt = await issuer.token();
    issuer.faults[path] = (__, response) => send(response, 200, answer);
    issuer.beat.keys = 'others';
    await until(() => times(issuer.requests) >= 4);
    expect(await codeOf(verifier.verify(jwt, { maxStaleness: '10m' }))).toBe('accepted');
  });

  it('are asked for at most every ten seconds by tokens with an unknown kid', async () => {
    const { issuer, verifier } = await server();
    const before = times(issuer.requests);
    await issuer.addKey('stranger');
    const unknown = await Promise.all(Array.from({ length: 50 }, () => issuer.token({}, { kid: 'unknown' }, 'stranger')));
    await Promise.all(unknown.map((jwt) => codeOf(verifier.verify(jwt))));
    for (const jwt of unknown) expect(await codeOf(verifier.verify(jwt))).toBe('ERR_TOKEN_INVALID');
    expect(times(issuer.requests) - before).toBeLessThanOrEqual(1);
  });
});
