import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { startTestServer, type TestServer } from '../test-server.ts';
import { rawSocket, request, sendRaw } from './raw-client.ts';

const loginDocument = graphql(`
  mutation LoginBehindProxy($input: LoginInput!) {
    login(input: $input) {
      ... on Session {
        token {
          createdFrom
        }
      }
    }
  }
`);

const [byDefault, behindTwo, withForwarded, withoutProxy] = await Promise.all([
  startTestServer(),
  startTestServer({ TRUSTED_PROXIES: '2' }),
  startTestServer({ PROXY_HEADER: 'forwarded' }),
  startTestServer({ TRUSTED_PROXIES: '0' }),
]);

/** The network that the server records for a login with these headers. */
async function networkOf(server: TestServer, headers: readonly string[]): Promise<string | undefined> {
  const { email, password } = await server.user();
  const body = JSON.stringify({ query: String(loginDocument), variables: { input: { email, password } } });
  const answer = await sendRaw(server.url, request([...headers], body));
  return /"createdFrom":"([^"]*)"/.exec(answer.body)?.[1];
}

const proxy = '127.0.0.1';

describe('a client behind a proxy is known by its address', () => {
  it.each([
    ['198.51.100.7', '198.51.100.7'],
    ['198.51.100.7:4000', '198.51.100.7'],
    [' 198.51.100.7:65535 ', '198.51.100.7'],
    ['"198.51.100.7:4000"', '198.51.100.7'],
    ['[::ffff:198.51.100.7]:4000', '198.51.100.7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['::FFFF:c633:6407', '198.51.100.7'],
    ['0:0:0:0:0:ffff:c633:6407', '198.51.100.7'],
    ['64:ff9b::198.51.100.7', '198.51.100.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['[2001:db8:1:2:3:4:5:6]', '2001:db8:1:2::/64'],
    ['[2001:DB8:1:2::9]:4000', '2001:db8:1:2::/64'],
    ['[fe80::1%eth0]:4000', 'fe80:0:0:0::/64'],
    ['fe80::1%br-lan', 'fe80:0:0:0::/64'],
    ['[fe80::1%eth0.100]:4000', 'fe80:0:0:0::/64'],
  ])('X-Forwarded-For: %j is %s', async (header, network) => {
    expect(await networkOf(byDefault, [`x-forwarded-for: 203.0.113.1, ${header}`])).toBe(network);
  });

  it.each([
    ['for=198.51.100.7', '198.51.100.7'],
    ['for="198.51.100.7:4000";proto=https;host=id.example', '198.51.100.7'],
    ['For="[2001:db8:1:2::9]:4000"', '2001:db8:1:2::/64'],
    ['proto=https;by=203.0.113.43;FOR="[::ffff:198.51.100.7]"', '198.51.100.7'],
  ])('Forwarded: %s is %s, if PROXY_HEADER says so', async (header, network) => {
    expect(await networkOf(withForwarded, [`forwarded: for=203.0.113.1, ${header}`, 'x-forwarded-for: 203.0.113.2'])).toBe(network);
  });
});

describe('a client with a zone in its address', () => {
  it('is served over HTTP and WebSocket', async () => {
    for (const address of ['fe80::1%br-lan', '[fe80::1%eth0.100]:4000', 'fe80::1%', '%', 'fe80::1%a%b']) {
      expect((await byDefault.query('{ __typename }', {}, { address })).status, address).toBe(200);
      expect((await rawSocket(byDefault, { address })).status, address).toBe(true);
    }
  });
});

describe('a client that sends a malformed header', () => {
  it.each([
    'junk, for=198.51.100.7',
    'for=203.0.113.1, , for=198.51.100.7',
    ', for=198.51.100.7',
    'for=203.0.113.1; ,for=198.51.100.7',
    'for=203.0.113.1;by=", for=198.51.100.7',
    'for="203.0.113.1, for="198.51.100.7:4000"',
    'for=203.0.113.1, for=198.51.100.7:4000;proto=https',
  ])('is known by what the proxy has appended: Forwarded: %s', async (header) => {
    expect(await networkOf(withForwarded, [`forwarded: ${header}`])).toBe('198.51.100.7');
  });
});

describe('an address that a client forges', () => {
  it('does not count in a header that the proxies do not write', async () => {
    expect(await networkOf(byDefault, ['forwarded: for=203.0.113.1'])).toBe(proxy);
    expect(await networkOf(withForwarded, ['x-forwarded-for: 203.0.113.1'])).toBe(proxy);
    expect(await networkOf(withoutProxy, ['x-forwarded-for: 203.0.113.1', 'forwarded: for=203.0.113.1'])).toBe(proxy);
  });

  it('does not count beyond the trusted proxies', async () => {
    expect(await networkOf(behindTwo, ['x-forwarded-for: 203.0.113.1, 198.51.100.7:4000, 203.0.113.9'])).toBe('198.51.100.7');
    expect(await networkOf(behindTwo, ['x-forwarded-for: 203.0.113.1', 'x-forwarded-for: 198.51.100.7, 203.0.113.9'])).toBe('198.51.100.7');
  });

  it.each([
    'for=203.0.113.1, proto=https',
    'for=203.0.113.1, for=unknown',
    'for=203.0.113.1, for=_hidden',
    'for=203.0.113.1, for="',
    'for=203.0.113.1, for="[2001:db8::1',
  ])('does not count in place of what the proxy has written: Forwarded: %s', async (header) => {
    expect(await networkOf(withForwarded, [`forwarded: ${header}`])).toBe(proxy);
  });

  it.each(['unknown', '', '_hidden', '198.51.100.7:4000:5', '[198.51.100.7', '198.51.100', '0x7f.1', '1.2.3.4:port', '[2001:db8::1]x'])(
    'that cannot be read, %j, counts as that of the proxy, which honest clients do not share',
    async (header) => {
      expect(await networkOf(byDefault, [`x-forwarded-for: 203.0.113.1, ${header}`])).toBe(proxy);
    },
  );
});

describe('a server that trusts no proxy', () => {
  it('logs once a minute that one forwards requests, and the setting to change', async () => {
    for (let time = 0; time < 3; time += 1)
      await fetch(`${withoutProxy.url}/health/live`, { headers: { 'x-forwarded-for': '203.0.113.1' } });
    const lines = withoutProxy.log.filter((line) => line.includes('http_proxy_untrusted'));
    expect(lines).toEqual([expect.stringContaining('"setting":"TRUSTED_PROXIES"')]);
  });
});
