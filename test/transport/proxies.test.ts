import { request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import { atEnd } from '../at-end.ts';
import { startNodes } from '../cluster/nodes.ts';
import { openPage, passwordResetEmail, registerUser } from '../pages/page-client.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestServer, waitUntil } from '../test-server.ts';
import { follow } from '../token/revocation-stream.ts';
import { areInstalled, proxyPass, type RunningProxy, startHaproxy, startNginx } from './proxy-servers.ts';

if (!areInstalled) {
  if (process.env.CI) throw new Error('There is no nginx or no HAProxy: install both.');
  console.warn('\n!!! NGINX OR HAPROXY WAS NOT FOUND: the server was not tested behind them.\n');
}

/** The URL of a proxy that stops with the test. */
async function urlOf(starting: Promise<RunningProxy>): Promise<string> {
  const { url, stop } = await starting;
  atEnd(stop);
  return url;
}

/** Sends an operation from an address of this machine, with what the client itself claims to be. */
function send(url: string, localAddress: string, query: string, variables: object = {}, headers: Record<string, string> = {}) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const options = { method: 'POST', localAddress, headers: { host: 'localhost', 'content-type': 'application/json', ...headers } };
  httpRequest(`${url}/graphql`, options, async (response) => {
    let body = '';
    for await (const chunk of response.setEncoding('utf8')) body += chunk;
    resolve({ status: response.statusCode ?? 0, body });
  })
    .on('error', reject)
    .end(JSON.stringify({ query, variables }));
  return promise;
}

const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { token { createdFrom } } } }';
const newPassword = 'nine amber foxes fold a paper crane';
const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
const wrongToken = { input: { token: 'fgl_wrong', newPassword } };

interface Proxy {
  readonly name: string;
  readonly settings?: Record<string, string>;
  start(url: string): Promise<RunningProxy>;
}

const proxies: readonly Proxy[] = [
  { name: 'nginx', start: (url) => startNginx(`location / { ${proxyPass(url)} }`) },
  {
    name: 'nginx that writes the port',
    start: (url) => startNginx(`location / { ${proxyPass(url, '$http_x_forwarded_for, $remote_addr:$remote_port')} }`),
  },
  { name: 'HAProxy', start: (url) => startHaproxy(['option forwardfor', `server one ${new URL(url).host}`]) },
  {
    name: 'HAProxy that writes Forwarded, with the port',
    settings: { PROXY_HEADER: 'forwarded' },
    start: (url) => startHaproxy([`http-request add-header Forwarded for="\\"%[src]:%[src_port]\\""`, `server one ${new URL(url).host}`]),
  },
];

describe.skipIf(!areInstalled).each(proxies)('behind $name', ({ settings = {}, start }) => {
  /** A server, and the same one as it is reached through the proxy. */
  async function startBehind(): Promise<TestServer> {
    const server = await startTestServer({ TRUSTED_PROXIES: '1', ALLOWED_HOSTS: 'localhost,127.0.0.1', ...settings });
    return { ...server, url: await urlOf(start(server.url)) };
  }

  it('each client is known by its address, whatever it forwards itself', async () => {
    const server = await startBehind();
    const { email } = await server.user();
    const claims = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' };
    for (const address of ['127.0.0.21', '127.0.0.22']) {
      const { body } = await send(server.url, address, login, { input: { email, password: 'correct horse battery staple' } }, claims);
      expect(JSON.parse(body).data.login.token.createdFrom).toBe(address);
    }
  });

  it('one client that exceeds a limit does not limit the others', async () => {
    const { url } = await startBehind();
    const codes: string[] = [];
    for (let times = 0; times < 102 && codes.at(-1) !== 'RATE_LIMITED'; times += 1)
      codes.push(JSON.parse((await send(url, '127.0.0.31', reset, wrongToken)).body).errors[0].extensions.code);
    expect([codes.length, codes.at(-1)]).toEqual([101, 'RATE_LIMITED']);
    expect((await send(url, '127.0.0.32', reset, wrongToken)).body).toContain('INVALID_TOKEN');
  });

  it('a body that is too large is rejected with its status', async () => {
    const { url } = await startBehind();
    const { status, body } = await send(url, '127.0.0.1', `{ ${'viewer '.repeat(20_000)} }`);
    expect([status, body]).toEqual([413, expect.stringContaining('"INVALID_INPUT"')]);
  });

  it('a revocation is delivered at once, over WebSocket and as a server-sent event', async () => {
    const server = await startBehind();
    const admin = await server.user('SUPERADMIN');
    const alice = await server.user();
    const streams = await Promise.all(
      (['WebSocket', 'server-sent events'] as const).map((transport) => follow(server, admin.accessToken, '(all: true)', transport)),
    );
    expect((await alice.query('mutation { logout { ended } }')).data.logout.ended).toBe(true);
    await waitUntil(() => streams.every(({ sids }) => sids.length === 1));
    for (const { leave } of streams) leave();
  });
});

describe.skipIf(!areInstalled)('behind nginx, below a path', () => {
  it('the pages, their style sheet and the endpoints of the metadata are reached', async () => {
    const port = new URL(await urlOf(startNginx(''))).port; // a free one
    const prefixed = `http://localhost:${port}/id`;
    const server = await startTestServer({ PUBLIC_URL: prefixed, REQUIRE_EMAIL_CONFIRMATION: 'true' });
    const url = await urlOf(startNginx(`location /id/ { ${proxyPass(`${server.url}/`)} }`));
    const alice = await registerUser(server);
    const { text } = await passwordResetEmail(server, alice);
    const path = /^http:\S+token=\S+/m.exec(text)?.[0]?.replace(`http://localhost:${port}`, '') ?? '';
    const { html, title } = await openPage({ url }, path);
    expect(title).toBe('Choose a new password');
    const link = (attribute: string) => new URL(new RegExp(`${attribute}="(.*?)"`).exec(html)?.[1] ?? '', url + path);
    expect((await fetch(link('href'))).headers.get('content-type')).toBe('text/css; charset=utf-8');
    const { pathname } = link('action');
    const token = new URL(url + path).searchParams.get('token') ?? '';
    expect((await openPage({ url }, pathname, { token, newPassword })).title).toBe('Password changed');
    const metadata = (await (await fetch(`${url}/id/.well-known/oauth-authorization-server`)).json()) as Record<string, string>;
    expect(metadata.issuer).toBe(prefixed);
    const { keys } = (await (await fetch(String(metadata.jwks_uri).replace(prefixed, `${url}/id`))).json()) as { keys: object[] };
    expect(keys).toHaveLength(1);
  });
});

const me = '{"query":"{ me { id } }"}';

describe.skipIf(!areInstalled || isEmbedded)(
  'behind HAProxy, which probes two nodes over HTTP/1.0 without a Host',
  { timeout: 60_000 },
  () => {
    const check = 'check inter 100ms fall 1 rise 1';

    it('both are up, and a node that stops is taken out without a failed request', async () => {
      const { nodes, leave } = await startNodes(2);
      atEnd(leave);
      const [one, two] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
      const url = await urlOf(
        startHaproxy(
          [
            'balance roundrobin',
            'option forwardfor',
            'option httpchk GET /health/ready',
            'option redispatch',
            'option http-server-close', // a request on an idle connection could meet its end
            ...[one, two].map((node, index) => `server node${index} ${new URL(node.url).host} ${check}`),
          ],
          ['stats enable', 'stats uri /proxy-state'],
        ),
      );
      const states = async () => {
        const csv = await (await fetch(`${url}/proxy-state;csv`)).text();
        return csv.split('\n').flatMap((line) => (/^fieldgate,node/.test(line) ? [line.split(',')[17]] : []));
      };
      await waitUntil(async () => String(await states()) === 'UP,UP');
      const failures: string[] = [];
      let sent = 0;
      let isStopped = false;
      const client = async () => {
        while (!isStopped) {
          const answer = await fetch(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: me });
          sent += 1;
          const text = await answer.text();
          if (!text.includes('"me":null')) failures.push(`${answer.status} ${text.slice(0, 100)}`);
        }
      };
      const clients = Promise.all(Array.from({ length: 8 }, client));
      await waitUntil(() => sent > 200);
      one.terminate();
      await waitUntil(async () => (await states())[0] !== 'UP');
      const before = sent;
      await waitUntil(() => sent > before + 200);
      isStopped = true;
      await clients;
      expect(failures).toEqual([]);
    });
  },
);
