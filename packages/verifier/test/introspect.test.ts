import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { codeOf, openVerifier, until } from './open-verifier.ts';
import { now, openIssuer, send } from './test-issuer.ts';

const issuer = await openIssuer();
afterAll(issuer.close);
const verifier = await openVerifier(issuer);
const path = '/oauth/introspect';
const introspections = () => issuer.requests.filter((one) => one === path).length;

// The stream stays disconnected, so the verifier is stale from now on.
issuer.faults['/graphql'] = (_, response) => send(response, 503, {});
for (const listener of issuer.listeners) listener.cut();
await until(() => verifier.staleness() > 1_000);
const verifyStale = (jwt: string) => verifier.verify(jwt, { maxStaleness: '1s', onStale: 'introspect' });

beforeEach(() => {
  delete issuer.faults[path];
});

describe('verify with onStale: introspect, while stale', () => {
  it('introspects the token each time', async () => {
    const jwt = await issuer.token();
    const before = introspections();
    expect([await codeOf(verifyStale(jwt)), await codeOf(verifyStale(jwt))]).toEqual(['accepted', 'accepted']);
    expect(introspections() - before).toBe(2);
  });

  it('rejects a token that the server reports as inactive', async () => {
    const sid = randomUUID();
    const jwt = await issuer.token({ sid });
    issuer.log.push({ sid, at: now() });
    expect(await codeOf(verifyStale(jwt))).toBe('ERR_TOKEN_REVOKED');
  });

  it('does not introspect malformed or expired tokens', async () => {
    const before = introspections();
    expect(await codeOf(verifyStale('no.token.atall'))).toBe('ERR_TOKEN_INVALID');
    expect(await codeOf(verifyStale(await issuer.token({ iat: now() - 60, exp: now() - 1 })))).toBe('ERR_TOKEN_EXPIRED');
    expect(introspections()).toBe(before);
  });

  it.each<[string, number, unknown]>([
    ['an error', 503, {}],
    ['a rejection', 401, {}],
    ['no claims', 200, [true]],
    ['an active that is not a boolean', 200, { active: 'true', sid: 's', sub: 'u' }],
    ['the claims of another session', 200, { active: true, sid: randomUUID(), sub: 'u' }],
    ['no claims except active', 200, { active: true }],
    ['a response that is too large', 200, { active: true, more: 'x'.repeat(100_000) }],
  ])('rejects when introspection returns %s', async (_, status, answer) => {
    issuer.faults[path] = (__, response) => send(response, status, answer as object);
    expect(await codeOf(verifyStale(await issuer.token({ sid: 's', sub: 'u' })))).toBe('ERR_INTROSPECTION_FAILED');
  });

  it('rejects when introspection times out', async () => {
    issuer.faults[path] = () => {};
    expect(await codeOf(verifyStale(await issuer.token()))).toBe('ERR_INTROSPECTION_FAILED');
  });

  it('runs at most 100 introspections concurrently', async () => {
    issuer.faults[path] = () => {};
    const before = introspections();
    const tokens = await Promise.all(Array.from({ length: 120 }, () => issuer.token()));
    const codes = await Promise.all(tokens.map((jwt) => codeOf(verifyStale(jwt))));
    expect(new Set(codes)).toEqual(new Set(['ERR_INTROSPECTION_FAILED']));
    expect(introspections() - before).toBeLessThanOrEqual(100);
  });

  it('rejects as stale with any other value of onStale', async () => {
    const jwt = await issuer.token();
    expect(await codeOf(verifier.verify(jwt, { maxStaleness: '1s', onStale: 'allow' as never }))).toBe('ERR_STALE');
  });
});
