import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { now, openIssuer, send } from './issuer.ts';
import { codeOf, opened, until } from './open-verifier.ts';

const issuer = await openIssuer();
afterAll(issuer.close);
const verifier = await opened(issuer);
const path = '/oauth/introspect';
const asked = () => issuer.requests.filter((one) => one === path).length;

// The line is cut and stays so: from now on the verifier is stale.
issuer.faults['/graphql'] = (_, response) => send(response, 503, {});
for (const line of issuer.listeners) line.cut();
await until(() => verifier.staleness() > 1_000);
const ask = (jwt: string) => verifier.verify(jwt, { maxStaleness: '1s', onStale: 'introspect' });

beforeEach(() => {
  delete issuer.faults[path];
});

describe('verify, stale, with onStale: introspect', () => {
  it('asks the server each time', async () => {
    const jwt = await issuer.token();
    const before = asked();
    expect([await codeOf(ask(jwt)), await codeOf(ask(jwt))]).toEqual(['accepted', 'accepted']);
    expect(asked() - before).toBe(2);
  });

  it('refuses what the server says has ended', async () => {
    const sid = randomUUID();
    const jwt = await issuer.token({ sid });
    issuer.log.push({ sid, at: now() });
    expect(await codeOf(ask(jwt))).toBe('ERR_TOKEN_REVOKED');
  });

  it('asks nothing about what is no token, or was', async () => {
    const before = asked();
    expect(await codeOf(ask('no.token.atall'))).toBe('ERR_TOKEN_INVALID');
    expect(await codeOf(ask(await issuer.token({ iat: now() - 60, exp: now() - 1 })))).toBe('ERR_TOKEN_EXPIRED');
    expect(asked()).toBe(before);
  });

  it.each<[string, number, unknown]>([
    ['an error', 503, {}],
    ['a refusal', 401, {}],
    ['no list of claims', 200, [true]],
    ['an active that is no truth', 200, { active: 'true', sid: 's', sub: 'u' }],
    ['the claims of another session', 200, { active: true, sid: randomUUID(), sub: 'u' }],
    ['nothing but that it holds', 200, { active: true }],
    ['more than it can be', 200, { active: true, more: 'x'.repeat(100_000) }],
  ])('refuses where the server answers with %s', async (_, status, answer) => {
    issuer.faults[path] = (__, response) => send(response, status, answer as object);
    expect(await codeOf(ask(await issuer.token({ sid: 's', sub: 'u' })))).toBe('ERR_INTROSPECTION_FAILED');
  });

  it('refuses where the server does not answer in time', async () => {
    issuer.faults[path] = () => {};
    expect(await codeOf(ask(await issuer.token()))).toBe('ERR_INTROSPECTION_FAILED');
  });

  it('asks at most a hundred questions at once', async () => {
    issuer.faults[path] = () => {};
    const before = asked();
    const tokens = await Promise.all(Array.from({ length: 120 }, () => issuer.token()));
    const codes = await Promise.all(tokens.map((jwt) => codeOf(ask(jwt))));
    expect(new Set(codes)).toEqual(new Set(['ERR_INTROSPECTION_FAILED']));
    expect(asked() - before).toBeLessThanOrEqual(100);
  });

  it('refuses with anything else that is said in place of introspect', async () => {
    const jwt = await issuer.token();
    expect(await codeOf(verifier.verify(jwt, { maxStaleness: '1s', onStale: 'allow' as never }))).toBe('ERR_STALE');
  });
});
