import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';
import { post, rawSocket, request, sendRaw } from './raw-client.ts';

const shop = 'https://shop.example';
const [withoutCors, withCors] = [
  await startTestServer(),
  await startTestServer({ CORS_ORIGINS: `${shop},https://app.example`, ALLOWED_HOSTS: 'localhost,127.0.0.1,API.example' }),
];
const query = JSON.stringify({ query: '{ viewer { fresh } }' });
const corsOf = ({ headers }: Response) => [...headers.keys()].filter((name) => name.startsWith('access-control-'));
const strangers = [
  'https://evil.example',
  'null',
  'https://shop.example.evil.example',
  'http://shop.example',
  'https://SHOP.example:444',
  'file://',
];

describe('an Origin header', () => {
  it("is rejected without CORS headers unless it is the server's own", async () => {
    for (const origin of [...strangers, shop]) {
      const answer = await post(withoutCors, query, { origin });
      expect([answer.status, corsOf(answer)], origin).toEqual([403, []]);
    }
    for (const origin of [withoutCors.url, 'http://fieldgate.test']) expect((await post(withoutCors, query, { origin })).status).toBe(200);
  });

  it('gets CORS headers only if it is listed in CORS_ORIGINS', async () => {
    const answer = await post(withCors, query, { origin: shop });
    expect([answer.status, answer.headers.get('access-control-allow-origin'), answer.headers.get('vary')]).toEqual([200, shop, 'Origin']);
    expect(answer.headers.has('access-control-allow-credentials')).toBe(false);
    for (const origin of strangers) {
      const refused = await post(withCors, query, { origin });
      expect([refused.status, corsOf(refused), refused.headers.get('vary')], origin).toEqual([403, [], 'Origin']);
    }
  });

  it('passes a preflight only if it is listed', async () => {
    const preflight = (origin: string) => fetch(`${withCors.url}/graphql`, { method: 'OPTIONS', headers: { origin } });
    const allowed = await preflight(shop);
    expect([allowed.status, allowed.headers.get('access-control-allow-methods')]).toEqual([204, 'POST']);
    const refused = await preflight('https://evil.example');
    expect([refused.status, corsOf(refused)]).toEqual([403, []]);
  });

  it('can open WebSockets and event streams only if it is allowed', async () => {
    for (const origin of strangers) {
      expect((await rawSocket(withCors, { headers: { origin } })).status, origin).toBe(403);
      expect((await post(withCors, query, { origin, accept: 'text/event-stream' })).status, origin).toBe(403);
    }
    expect((await rawSocket(withCors, { headers: { origin: shop } })).status).toBe(true);
    expect((await rawSocket(withCors)).status).toBe(true);
  });
});

describe('a Host header', () => {
  it('is rejected with 421 unless it is allowed', async () => {
    for (const host of ['evil.example', 'localhost.evil.example', '', '127.0.0.2'])
      expect((await sendRaw(withoutCors.url, request([`host: ${host}`], query))).status, host).toBe(421);
    for (const host of ['localhost', 'LOCALHOST:4000', '127.0.0.1'])
      expect((await sendRaw(withoutCors.url, request([`host: ${host}`], query))).status, host).toBe(200);
    expect((await sendRaw(withCors.url, request(['host: api.example'], query))).status).toBe(200);
  });

  it('is also checked for WebSockets', async () => {
    expect((await rawSocket(withoutCors, { headers: { host: 'evil.example' } })).status).toBe(421);
  });
});
