import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startTestServer, waitUntil } from '../test-server.ts';
import { post, request, sendRaw } from './raw-client.ts';

const server = await startTestServer();
const query = JSON.stringify({ query: '{ viewer { fresh } }' });
const send = (document: string, variables?: object) => server.query(document, variables);

const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
};

describe('a response', () => {
  it('has security and cache headers, whatever its status', async () => {
    const answers = [
      await post(server, query),
      await post(server, 'no JSON'),
      await post(server, query, { 'content-type': 'text/plain' }),
      await post(server, query, { authorization: 'Bearer nothing' }),
      await fetch(`${server.url}/graphql`),
      await fetch(`${server.url}/nothing`),
      await fetch(`${server.url}/health/live`),
      await fetch(`${server.url}/health/ready`),
    ];
    for (const { headers, url } of answers) {
      expect(Object.fromEntries(headers), url).toMatchObject(securityHeaders);
      expect(headers.get('content-type'), url).toMatch(/; charset=utf-8$/);
      for (const name of ['server', 'x-powered-by']) expect(headers.has(name)).toBe(false);
    }
  });

  it('has these headers also if Node or ws responds by itself', async () => {
    const lines = (...given: string[]) => `${given.join('\r\n')}\r\n\r\n`;
    const upgrade = (...given: string[]) =>
      lines('GET /graphql HTTP/1.1', 'host: localhost', 'connection: upgrade', 'upgrade: websocket', ...given);
    const key = `sec-websocket-key: ${Buffer.alloc(16, 1).toString('base64')}`;
    const close = 'connection: close';
    const cases: [string, number | number[]][] = [
      ['nonsense\r\n\r\n', 400],
      ['GET / HTTP/9.9\r\n\r\n', 400],
      ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
      [lines('BREW / HTTP/1.1', 'host: localhost'), 400],
      [lines('GET / HTTP/1.1', `x: ${'x'.repeat(17 * 1024)}`), 431],
      [lines(`GET /${'x'.repeat(17 * 1024)} HTTP/1.1`), 431],
      [lines('GET / HTTP/1.1', 'host: localhost', 'bad header'), 400],
      [lines('GET / HTTP/1.1', 'host: localhost', 'bad name : x'), 400],
      [lines('POST /graphql HTTP/1.1', 'host: localhost', 'content-length: 1', 'content-length: 2'), 400],
      [lines('POST /graphql HTTP/1.1', 'host: localhost', 'content-length: 1', 'transfer-encoding: chunked'), 400],
      [lines('POST /graphql HTTP/1.1', 'host: localhost', 'content-length: -1'), 400],
      [lines('GET /page.css HTTP/1.1', close), 400],
      [lines('GET /page.css HTTP/1.0'), 400],
      [lines('GET /health/live HTTP/1.1', 'host: localhost', 'host: localhost', close), 400],
      [lines('GET /page.css HTTP/1.1', 'host: elsewhere.example', close), 421],
      [lines('POST /graphql HTTP/1.1', 'host: localhost', 'expect: the unexpected', 'content-length: 2', close), 417],
      [lines('OPTIONS * HTTP/1.1', 'host: localhost', close), 404],
      [lines('OPTIONS /graphql HTTP/1.1', 'host: localhost', close), 204],
      [lines('TRACE /graphql HTTP/1.1', 'host: localhost', close), 405],
      [lines('DELETE /health/live HTTP/1.1', 'host: localhost', close), 405],
      [lines('DELETE /nothing HTTP/1.1', 'host: localhost', close), 404],
      [lines('GET //evil.example/%2e%2e HTTP/1.1', 'host: localhost', close), 404],
      [upgrade(), 400],
      [upgrade(key), 400],
      [upgrade(key, 'sec-websocket-version: 7'), 400],
      [upgrade('sec-websocket-key: short', 'sec-websocket-version: 13'), 400],
      [upgrade(key, 'sec-websocket-version: 13', 'sec-websocket-protocol: ,,'), 400],
      [upgrade(key, 'sec-websocket-version: 13', 'origin: https://evil.example'), 403],
      [upgrade(key, 'sec-websocket-version: 13').replace('/graphql', '/elsewhere'), 404],
      [upgrade(key, 'sec-websocket-version: 13').replace('localhost', 'elsewhere.example'), 421],
      [upgrade(key, 'sec-websocket-version: 13').replace('host: localhost\r\n', ''), 421],
      [upgrade(key, 'sec-websocket-version: 13').replace('GET', 'POST'), 400],
      [upgrade('upgrade: h2c').replace('upgrade: websocket\r\n', ''), 400],
    ];
    for (const [bytes, expected] of cases) {
      const { headers, status } = await sendRaw(server.url, bytes);
      expect([status, bytes]).toEqual([expected, bytes]);
      for (const [name, value] of Object.entries(securityHeaders)) expect(headers, bytes).toContain(`\n${name}: ${value.toLowerCase()}`);
      for (const name of ['server', 'x-powered-by']) expect(headers).not.toContain(`\n${name}:`);
    }
  }, 60_000);

  it('has these headers when a connection becomes a WebSocket', async () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    const [{ headers }] = await once(socket, 'upgrade');
    socket.close();
    expect(headers).toMatchObject(securityHeaders);
  });

  it("contains the caller's x-request-id or a new one", async () => {
    const idFor = async (id: string) => (await post(server, query, { 'x-request-id': id })).headers.get('x-request-id');
    expect(await idFor('abcDEF-12345')).toBe('abcDEF-12345');
    for (const id of ['short', 'x'.repeat(65), 'with space and more', '<script>alert(1)</script>'])
      expect(await idFor(id)).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('names the position of an invalid value but never the value', async () => {
    const secret = 'hunter2hunter2';
    const login = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
    const answers = [
      await send(login, { input: { email: 'a@example.com', password: { deep: secret } } }),
      await send(login, { input: { email: 'a@example.com', password: 1, [secret]: 1 } }),
      await send('query ($first: Int) { users(first: $first) { totalCount } }', { first: secret }),
      await send('query ($order: UserOrder) { users(orderBy: $order) { totalCount } }', { order: secret }),
      await send(`mutation { login(input: { email: "a", password: ${secret} }) { __typename } }`),
      await send(`{ users(first: "${secret}") { totalCount } }`),
      await send(`{ viewer { fresh } "${secret}" `),
    ];
    for (const answer of answers) {
      expect([answer.status, answer.code]).toEqual([400, 'INVALID_INPUT']);
      expect(JSON.stringify(answer)).not.toContain(secret);
    }
    expect(await (await post(server, `{"query": "${secret}`)).text()).not.toContain(secret);
    expect(answers[0]?.errors?.[0]?.message).toBe('Invalid value for variable $input at input.password.');
  });

  it('reports a null variable for a non-null argument as invalid input', async () => {
    const { code, errors } = await send('query ($id: ID = "x") { node(id: $id) { id } }', { id: null });
    expect([code, errors?.[0]?.path]).toEqual(['INVALID_INPUT', ['node']]);
  });

  it('suggests no names in validation errors', async () => {
    for (const document of [
      '{ viewr { fresh } }',
      '{ viewer { frsh } }',
      '{ users(frst: 1) { totalCount } }',
      'query ($x: Usr) { me { id } }',
      '{ viewer }',
    ])
      expect((await send(document)).errors?.[0]?.message).not.toMatch(/mean/);
  });

  it('contains at most 20 errors and the number of omitted ones', async () => {
    const { accessToken } = await server.user();
    const strangers = Array.from({ length: 50 }, () => ({ id: randomUUID(), email: randomUUID(), emailKey: randomUUID() }));
    await server.db.prisma.user.createMany({ data: strangers });
    const ids = strangers.map(({ id }) => encodeGlobalID('User', id));
    const { errors } = await server.query('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids }, { token: accessToken });
    expect(errors).toHaveLength(20);
    expect(errors?.at(-1)?.extensions).toEqual({ code: 'QUERY_TOO_COMPLEX', limit: 'errors', omitted: 31 });
    const invalid = await send(`query (${Array.from({ length: 60 }, (_, index) => `$v${index}: Int`)}) { viewer { fresh } }`);
    expect(invalid.errors).toHaveLength(20);
  });

  it('is at most 1 MiB', async () => {
    const alice = await server.user();
    const settings = Array.from({ length: 100 }, (_, index) => ({ userId: alice.uuid, key: `k${index}`, value: '\u0001'.repeat(2_000) }));
    await server.db.prisma.userSetting.createMany({ data: settings });
    const { data, code, errors } = await alice.query('{ me { settings(first: 100) { edges { node { value again: value } } } } }');
    expect([data, code, errors?.[0]?.extensions.limit]).toEqual([null, 'QUERY_TOO_COMPLEX', 'answer']);
  });

  it('contains for an internal error only an error id, under which the log has the details', async () => {
    const alice = await server.user();
    await server.db.prisma.$executeRaw`alter table "UserSetting" rename to "Elsewhere"`;
    const { code, errors } = await alice.query('{ me { settings { edges { node { key } } } } }');
    await server.db.prisma.$executeRaw`alter table "Elsewhere" rename to "UserSetting"`;
    const [error] = errors ?? [];
    expect([code, error?.message]).toEqual(['INTERNAL', 'Internal server error. Report `errorId`.']);
    expect(Object.keys(error?.extensions ?? {}).sort()).toEqual(['code', 'errorId']);
    const errorId = String(error?.extensions.errorId);
    const line = await waitUntil(() => server.log.find((one) => one.includes(errorId)));
    await waitUntil(() => server.log.some((one) => one.includes('"http_request"') && one.includes(`"errorIds":["${errorId}"]`)));
    expect(line).toContain('UserSetting');
    expect(line).not.toContain(alice.uuid);
  });

  it('asks for a bearer token with WWW-Authenticate when the token is invalid', async () => {
    const { status, headers } = await post(server, query, { authorization: 'Bearer nothing' });
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });
});

describe('the health endpoints', () => {
  it('return only ok', async () => {
    for (const path of ['live', 'ready']) expect(await (await fetch(`${server.url}/health/${path}`)).text()).toBe('ok');
    expect((await sendRaw(server.url, request([], '', 'POST /health/live HTTP/1.1'))).status).toBe(405);
  });
});
