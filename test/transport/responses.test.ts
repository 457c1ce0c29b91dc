import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
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

  it('has these headers even if the request cannot be parsed', async () => {
    for (const bytes of ['nonsense\r\n\r\n', `GET / HTTP/1.1\r\nx: ${'x'.repeat(17 * 1024)}\r\n\r\n`]) {
      const { headers, status } = await sendRaw(server.url, bytes);
      expect([400, 431]).toContain(status);
      for (const [name, value] of Object.entries(securityHeaders)) expect(headers).toContain(`${name}: ${value.toLowerCase()}`);
    }
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
    const line = await waitUntil(() => server.log.find((one) => one.includes(String(error?.extensions.errorId))));
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
