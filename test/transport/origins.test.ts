import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';
import { post, rawSocket, request, sendRaw } from './raw-client.ts';

const shop = 'https://shop.example';
const [closed, listing] = [
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

describe('an origin', () => {
  it('is refused, without a word of CORS, unless it is ours', async () => {
    for (const origin of [...strangers, shop]) {
      const answer = await post(closed, query, { origin });
      expect([answer.status, corsOf(answer)], origin).toEqual([403, []]);
    }
    for (const origin of [closed.url, 'http://fieldgate.test']) expect((await post(closed, query, { origin })).status).toBe(200);
  });

  it('is told that it may ask only if it is listed', async () => {
    const answer = await post(listing, query, { origin: shop });
    expect([answer.status, answer.headers.get('access-control-allow-origin'), answer.headers.get('vary')]).toEqual([200, shop, 'Origin']);
    expect(answer.headers.has('access-control-allow-credentials')).toBe(false);
    for (const origin of strangers) {
      const refused = await post(listing, query, { origin });
      expect([refused.status, corsOf(refused), refused.headers.get('vary')], origin).toEqual([403, [], 'Origin']);
    }
  });

  it('may ask before it asks, only if it is listed', async () => {
    const preflight = (origin: string) => fetch(`${listing.url}/graphql`, { method: 'OPTIONS', headers: { origin } });
    const allowed = await preflight(shop);
    expect([allowed.status, allowed.headers.get('access-control-allow-methods')]).toEqual([204, 'POST']);
    const refused = await preflight('https://evil.example');
    expect([refused.status, corsOf(refused)]).toEqual([403, []]);
  });

  it('opens a socket or a stream only where it may ask', async () => {
    for (const origin of strangers) {
      expect((await rawSocket(listing, { headers: { origin } })).status, origin).toBe(403);
      expect((await post(listing, query, { origin, accept: 'text/event-stream' })).status, origin).toBe(403);
    }
    expect((await rawSocket(listing, { headers: { origin: shop } })).status).toBe(true);
    expect((await rawSocket(listing)).status).toBe(true);
  });
});

describe('a host', () => {
  it('is one of those that are allowed, or the request was meant for somebody else', async () => {
    for (const host of ['evil.example', 'localhost.evil.example', '', '127.0.0.2'])
      expect((await sendRaw(closed.url, request([`host: ${host}`], query))).status, host).toBe(421);
    for (const host of ['localhost', 'LOCALHOST:4000', '127.0.0.1'])
      expect((await sendRaw(closed.url, request([`host: ${host}`], query))).status, host).toBe(200);
    expect((await sendRaw(listing.url, request(['host: api.example'], query))).status).toBe(200);
  });

  it('is checked for sockets too', async () => {
    expect((await rawSocket(closed, { headers: { host: 'evil.example' } })).status).toBe(421);
  });
});
