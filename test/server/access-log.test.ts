import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestServer, uniqueAddress, waitUntil } from '../test-server.ts';
import { resourceServer } from '../token/revocation-log.ts';
import { follow } from '../token/revocation-stream.ts';
import { rawSocket } from '../transport/raw-client.ts';

const server = await startTestServer();

type Line = Record<string, unknown>;

const linesOf = ({ log }: TestServer, event: string) => log.map((line) => JSON.parse(line) as Line).filter((line) => line.event === event);

/** Sends a request and returns its line. */
async function lineOf(path: string, { headers = {}, ...init }: { headers?: Record<string, string>; method?: string; body?: string } = {}) {
  const requestId = crypto.randomUUID();
  await (await fetch(`${server.url}${path}`, { ...init, headers: { 'x-request-id': requestId, ...headers } })).arrayBuffer();
  return waitUntil(() => linesOf(server, 'http_request').find((line) => line.requestId === requestId));
}

const operation = (query: string, variables = {}, headers: Record<string, string> = {}) =>
  lineOf('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query, variables, operationName: 'ClientName' }),
  });

describe('the line of a request', () => {
  it('has the root fields, the codes, the caller and the network of an operation, but no text, name or value of the client', async () => {
    const user = await server.user();
    const address = uniqueAddress();
    const line = await operation(
      'query ClientName($secret: ID!) { aliasName: me { id } user(id: $secret) { id } again: me { id } }',
      { secret: 'c2VjcmV0LXZhbHVl' },
      { authorization: `Bearer ${user.accessToken}`, 'x-forwarded-for': address },
    );
    expect(line).toEqual({
      level: 'info',
      time: expect.any(String),
      event: 'http_request',
      requestId: expect.any(String),
      network: address,
      method: 'POST',
      route: '/graphql',
      status: 200,
      durationMs: expect.any(Number),
      kind: 'query',
      fields: ['me', 'user'],
      codes: line.codes,
      userId: user.uuid,
      tokenId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(server.log.join('')).not.toMatch(/aliasName|ClientName|c2VjcmV0LXZhbHVl/);
  });

  it('has the codes of a failed operation, and the caller that a login has authenticated', async () => {
    const user = await server.user();
    const login = 'mutation ClientName($input: LoginInput!) { login(input: $input) { ... on Session { expiresAt } } }';
    expect(await operation(login, { input: { email: user.email, password: user.password } })).toMatchObject({
      kind: 'mutation',
      fields: ['login'],
      codes: [],
      userId: user.uuid,
    });
    const failed = await operation(login, { input: { email: user.email, password: 'wrong' } });
    expect(failed).toMatchObject({ status: 200, fields: ['login'], codes: ['INVALID_CREDENTIALS'] });
    expect(failed).not.toHaveProperty('userId');
    expect(await operation('query ClientName { nothing }')).toMatchObject({ status: 400, fields: [], codes: ['INVALID_INPUT'] });
    expect(await operation('query ClientName { me { id } }', {}, { authorization: 'Bearer wrong' })).toMatchObject({
      status: 401,
      fields: ['me'],
      codes: ['INVALID_TOKEN'],
    });
  });

  it('has the route and the status of other requests, and the caller of a bearer token, but no path or query of the client', async () => {
    expect(await lineOf('/page.css?token=secret-query')).toMatchObject({ method: 'GET', route: '/page.css', status: 200 });
    expect(await lineOf('/avatars/00000000-0000-0000-0000-000000000000.svg')).toMatchObject({ route: '/avatars/:id.svg', status: 200 });
    expect(await lineOf('/secret-path')).toMatchObject({ route: 'other', status: 404 });
    expect(await lineOf('/oauth/introspect', { method: 'DELETE' })).toMatchObject({ method: 'DELETE', status: 405 });
    const { token, account } = await resourceServer(server);
    const poll = {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"returnImmediately":true}',
    };
    expect(await lineOf('/events/poll', poll)).toMatchObject({ status: 200, userId: account.uuid });
    expect(server.log.join('')).not.toMatch(/secret-query|secret-path/);
  });

  it.skipIf(isEmbedded)(
    'is written after the work, with its result, if the client disconnects first (needs a PostgreSQL server)',
    async () => {
      const user = await server.user();
      const requestId = crypto.randomUUID();
      const leaving = new AbortController();
      const headers = { authorization: `Bearer ${user.accessToken}`, 'content-type': 'application/json', 'x-request-id': requestId };
      const body = JSON.stringify({ query: 'mutation { updateProfile(input: { displayName: "Ada" }) { user { id } } }' });
      const own = () => linesOf(server, 'http_request').find((line) => line.requestId === requestId);
      await server.db.prisma.$transaction(async (tx) => {
        await tx.$queryRaw(sql`select 1 from "User" where id = ${user.uuid}::uuid for update`);
        const sent = fetch(`${server.url}/graphql`, { method: 'POST', headers, body, signal: leaving.signal }).catch(() => {});
        const waiting = sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
        await waitUntil(async () => (await server.db.query(waiting)).length > 0);
        leaving.abort();
        await sent;
        await lineOf('/page.css'); // by now the server knows
        expect(own()).toBeUndefined();
      });
      expect(await waitUntil(own)).toMatchObject({ aborted: true, fields: ['updateProfile'], codes: [], userId: user.uuid });
    },
  );

  it('is written for probes at the level debug only, and for no request above the level info', async () => {
    for (const [level, events] of [
      ['debug', ['/health/live', '/page.css']],
      ['info', ['/page.css']],
      ['warn', []],
    ] as const) {
      const other = await startTestServer({ LOG_LEVEL: level });
      await fetch(`${other.url}/health/live`);
      await fetch(`${other.url}/page.css`);
      await other.close();
      expect(linesOf(other, 'http_request').map(({ route }) => route)).toEqual(events);
    }
  });
});

describe('on a WebSocket', () => {
  it('each operation has a line, and the connection one when it is closed', async () => {
    const user = await server.user();
    const { socket, init, send, waitForMessage, closed } = await rawSocket(server, { headers: { 'x-request-id': 'socket-of-the-test' } });
    await init(user.accessToken);
    send({ id: '1', type: 'subscribe', payload: { query: 'query ClientName { other: me { id } }' } });
    await waitForMessage('complete');
    socket.close();
    await closed;
    const own = (event: string) => linesOf(server, event).find(({ requestId }) => requestId === 'socket-of-the-test');
    expect(own('graphql_operation')).toMatchObject({ kind: 'query', fields: ['me'], codes: [], userId: user.uuid });
    expect(await waitUntil(() => own('http_request'))).toMatchObject({ route: '/graphql', status: 101 });
  });
});

describe('a subscription', () => {
  it.each([
    ['WebSocket', 'graphql_operation'],
    ['server-sent events', 'http_request'],
  ] as const)('over %s has a line when it begins, and one when it ends', async (transport, event) => {
    const user = await server.user();
    const own = (name: string) => linesOf(server, name).filter(({ userId, kind }) => userId === user.uuid && kind === 'subscription');
    const stream = await follow(server, user.accessToken, '', transport);
    await waitUntil(() => own('graphql_subscription_started').length === 1);
    expect(own(event)).toEqual([]);
    await user.query('mutation { logout { ended } }');
    await waitUntil(() => stream.sids.length === 1);
    await waitUntil(() => own(event).length === 1);
    expect(own(event)[0]).toMatchObject({ fields: ['tokenRevoked'], events: 1, codes: [] });
  });
});

describe('the lines of requests and operations', () => {
  it('have only fields that docs/operations.md describes', () => {
    const section = readFileSync('docs/operations.md', 'utf8')
      .split(/^## /m)
      .find((text) => text.startsWith('Logs'));
    const documented = [...(section ?? '').matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name);
    const lines = ['http_request', 'graphql_operation', 'graphql_subscription_started'].flatMap((event) => linesOf(server, event));
    const fields = new Set(lines.flatMap(Object.keys));
    expect([...fields].filter((name) => !documented.includes(name)).sort()).toEqual(['level', 'time']);
  });
});

describe('a failed login', () => {
  it('is logged with the network, the reason and the known user, never with what the client sent, and a flood as one line', async () => {
    const other = await startTestServer();
    const user = await other.user();
    const address = uniqueAddress();
    const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { expiresAt } } }';
    const logIn = (email: string, from: string) => other.query(login, { input: { email, password: 'wrong-secret' } }, { address: from });
    for (let attempt = 0; attempt < 9; attempt += 1) await logIn(user.email, address);
    await logIn('unknown-name@example.com', uniqueAddress());
    const lines = linesOf(other, 'authn_login_fail');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({ level: 'warn', network: address, reason: 'INVALID_CREDENTIALS', userId: user.uuid, count: 1 });
    expect(lines[1]).toMatchObject({ userId: null });
    expect(linesOf(other, 'excess_rate_limit_exceeded')).toMatchObject([{ limit: 'passwordByAccountAndNetwork', network: address }]);
    expect(other.log.join('')).not.toMatch(/wrong-secret|unknown-name/);
    expect(other.log.join('')).not.toContain(user.email);
  });
});
