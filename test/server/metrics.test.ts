import { readFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { describe, expect, it, vi } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { openDatabase } from '../../src/database/database.ts';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { createTestDatabase, isEmbedded, testConfig } from '../test-database.ts';
import { startTestServer, uniqueAddress, waitUntil } from '../test-server.ts';
import { follow } from '../token/revocation-stream.ts';
import { proxyTo } from './proxy.ts';

const server = await startTestServer({ METRICS_PORT: '0', CORS_ORIGINS: 'https://app.example' });
const unmeasured = await startTestServer();

const scrape = async (url = server.metricsUrl) => (await fetch(`${url}/metrics`)).text();

/** The value of a metric with these labels, in the text or in a new scrape. */
async function sample(name: string, labels: Record<string, string> = {}, text?: string) {
  const line = (text ?? (await scrape())).split('\n').find((candidate) => {
    const [series = ''] = candidate.split(' ');
    return series.replace(/\{.*/, '') === name && Object.entries(labels).every(([label, value]) => series.includes(`${label}="${value}"`));
  });
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { expiresAt } } }';
const refresh = 'mutation ($input: RefreshInput!) { refresh(input: $input) { refreshToken } }';

describe('the port of the metrics', () => {
  it('serves metrics and health to GET and HEAD whatever the Host, and nothing else', async () => {
    const { status, headers } = await fetch(`${server.metricsUrl}/metrics?any`, { headers: { host: 'elsewhere.example' } });
    expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    const head = await fetch(`${server.metricsUrl}/metrics`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    for (const method of ['POST', 'DELETE', 'OPTIONS']) {
      const rejected = await fetch(`${server.metricsUrl}/metrics`, { method });
      expect([rejected.status, rejected.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
    for (const path of ['/', '/graphql', '/.well-known/jwks.json', '/metrics/', '/constructor'])
      expect((await fetch(`${server.metricsUrl}${path}`)).status, path).toBe(404);
  });

  it('sends the security headers, and lets no page of another origin read the metrics', async () => {
    const { headers } = await fetch(`${server.metricsUrl}/metrics`, { headers: { origin: 'https://app.example' } });
    const main = await fetch(`${server.url}/health/live`);
    for (const name of ['cache-control', 'content-security-policy', 'x-content-type-options', 'cross-origin-resource-policy'])
      expect(headers.get(name), name).toBe(main.headers.get(name));
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  it('is the only one that serves metrics, and is closed unless METRICS_PORT is set', async () => {
    expect((await fetch(`${server.url}/metrics`)).status).toBe(404);
    expect(unmeasured.metricsUrl).toBeUndefined();
  });

  it('says the version and the checks of its health, which the public port does not', async () => {
    const ready = await fetch(`${server.metricsUrl}/health/ready`);
    const expected = { status: 'ok', version: packageJson.version, uptime: expect.any(Number) };
    expect([ready.status, await ready.json()]).toEqual([200, { ...expected, checks: { database: 'ok', clock: 'ok' } }]);
    expect(await (await fetch(`${server.metricsUrl}/health/live`)).json()).toEqual(expected);
    expect(await (await fetch(`${server.url}/health/ready`)).text()).toBe('ok');
  });

  it('closes with the server', async () => {
    const other = await startTestServer({ METRICS_PORT: '0' });
    expect(await scrape(other.metricsUrl)).toContain('fieldgate_build_info');
    await other.close();
    await expect(fetch(`${other.metricsUrl}/metrics`)).rejects.toThrow();
  });

  it('observes the process once, however many of its servers start and stop', async () => {
    const observe = vi.spyOn(PerformanceObserver.prototype, 'observe');
    const other = await startTestServer({ METRICS_PORT: '0' });
    expect(await scrape(other.metricsUrl)).toMatch(/^# TYPE nodejs_gc_duration_seconds /m);
    await other.close();
    expect(observe).not.toHaveBeenCalled();
    expect(await scrape()).toMatch(/^process_cpu_seconds_total /m);
  });

  it('stops the start with one sentence that names METRICS_PORT if it is in use', async () => {
    const port = new URL(server.url).port;
    await expect(startServer(testConfig({ METRICS_PORT: port }), createLogger('silent'), unmeasured.db)).rejects.toThrow(
      `Setting METRICS_PORT: ${port} is in use. Stop the other program or set METRICS_PORT to another port.`,
    );
  });
});

describe('the metrics', () => {
  it('are those that docs/operations.md describes, with these types and labels', async () => {
    const rows = readFileSync('docs/operations.md', 'utf8').matchAll(
      /^\| `(?<name>fieldgate_\w+)` +\| (?<type>\w+) +\| (?<labels>[^|]*)\|/gm,
    );
    const documented = new Map([...rows].map(({ groups }) => [groups?.name, groups]));
    const text = await scrape();
    const exposed = [...text.matchAll(/^# TYPE (?<name>fieldgate_\w+) (?<type>\w+)$/gm)].map(({ groups }) => groups);
    expect(exposed.map((metric) => `${metric?.name} ${metric?.type}`).sort()).toEqual(
      [...documented.values()].map((metric) => `${metric?.name} ${metric?.type}`).sort(),
    );
    const section = readFileSync('docs/operations.md', 'utf8')
      .split(/^## /m)
      .find((part) => part.startsWith('Metrics'));
    const alerted = [...(section ?? '').matchAll(/\b(?<name>fieldgate_\w+?)(?:_bucket)?\b/g)].map(({ groups }) => groups?.name);
    expect(alerted.filter((name) => !documented.has(name))).toEqual([]);
    for (const [, series, labels] of text.matchAll(/^(fieldgate_\w+)\{(.*)\} /gm)) {
      const metric = documented.get(series) ?? documented.get(series?.replace(/_(?:bucket|sum|count)$/, ''));
      const names = [...(labels ?? '').matchAll(/(\w+)="/g)].map(([, name]) => name).filter((name) => name !== 'le');
      expect(names.sort(), series).toEqual([...(metric?.labels ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name).sort());
    }
  });

  it('count an operation for each of its root fields, by type and code, and never by a name that the client chose', async () => {
    const user = await server.user();
    await user.query('query ClientChose { aliasOfClient: me { id } again: me { id } viewer { fresh } }');
    await server.query('query ClientChose { aliasOfClient: users { totalCount } }');
    await server.query('query ClientChose { clientField }');
    const text = await scrape();
    const count = (operation: string, type: string, code: string) =>
      sample('fieldgate_graphql_operations_total', { operation, type, code }, text);
    expect(await count('me', 'query', 'OK')).toBe(1);
    expect(await count('viewer', 'query', 'OK')).toBe(1);
    expect(await count('users', 'query', 'UNAUTHENTICATED')).toBe(1);
    expect(await count('none', 'none', 'INVALID_INPUT')).toBe(1);
    expect(await sample('fieldgate_graphql_operation_duration_seconds_count', { operation: 'me', type: 'query' }, text)).toBe(1);
    expect(text).not.toMatch(/ClientChose|aliasOfClient|clientField/);
  });

  it('count HTTP requests by route and class of status', async () => {
    await fetch(`${server.url}/avatars/00000000-0000-0000-0000-000000000000.svg`);
    await fetch(`${server.url}/avatars/00000000-0000-0000-0000-000000000001.svg`);
    await fetch(`${server.url}/client-chose`);
    await fetch(`${server.url}/oauth/introspect`, { method: 'DELETE' });
    const count = (route: string, status: string) => sample('fieldgate_http_requests_total', { route, status });
    await waitUntil(async () => (await count('/avatars/:id.svg', '2xx')) === 2);
    await waitUntil(async () => ((await count('other', '4xx')) ?? 0) >= 1);
    await waitUntil(async () => (await count('/oauth/introspect', '4xx')) === 1);
    expect(await scrape()).not.toContain('client-chose');
  });

  it('count logins by their true reason, and exceeded limits', async () => {
    const strict = await startTestServer({ METRICS_PORT: '0', REQUIRE_EMAIL_CONFIRMATION: 'true' });
    const user = await strict.user();
    const address = uniqueAddress();
    const logIn = (password: string, email = user.email) => strict.query(login, { input: { email, password } }, { address });
    const count = (outcome: string, text: string) => sample('fieldgate_logins_total', { outcome }, text);
    expect(await count('EMAIL_NOT_CONFIRMED', await scrape(strict.metricsUrl))).toBe(0);
    await logIn(user.password);
    await strict.db.prisma.user.update({ where: { id: user.uuid }, data: { enabled: false } });
    await logIn(user.password);
    await strict.db.prisma.user.update({ where: { id: user.uuid }, data: { enabled: true, emailConfirmedAt: null } });
    await logIn(user.password);
    const codes: (string | undefined)[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) codes.push((await logIn('wrong')).code);
    const text = await scrape(strict.metricsUrl);
    expect(await Promise.all(['OK', 'ACCOUNT_DISABLED', 'EMAIL_NOT_CONFIRMED'].map((outcome) => count(outcome, text)))).toEqual([1, 1, 1]);
    expect(await count('INVALID_CREDENTIALS', text)).toBe(codes.filter((code) => code === 'INVALID_CREDENTIALS').length);
    expect(await count('RATE_LIMITED', text)).toBe(codes.filter((code) => code === 'RATE_LIMITED').length);
    expect(await sample('fieldgate_rate_limited_total', { limit: 'passwordByAccountAndNetwork' }, text)).toBeGreaterThan(0);
    expect(text).not.toContain(address);
    expect(text).not.toContain(user.email);
    expect(text).not.toContain(user.uuid);
    expect(await sample('fieldgate_logins_total', { outcome: 'ACCOUNT_DISABLED' })).toBe(0); // of the other server
  });

  it('count refreshes, and the reuse of a refresh token', async () => {
    const user = await server.user();
    const { data } = await user.query(refresh, { input: { refreshToken: user.refreshToken } });
    await user.query(refresh, { input: data.refresh });
    await server.query(refresh, { input: { refreshToken: user.refreshToken } });
    const count = (outcome: string) => sample('fieldgate_refreshes_total', { outcome });
    expect([await count('OK'), await count('TOKEN_REUSED')]).toEqual([2, 1]);
  });

  it('show open connections and subscriptions, and how long ago by the clock of the database a revocation was when it was delivered', async () => {
    const superadmin = await server.user('SUPERADMIN');
    const count = (transport: string) => sample('fieldgate_open_connections', { transport });
    const socket = await follow(server, superadmin.accessToken, '(all: true)');
    const stream = await follow(server, superadmin.accessToken, '(all: true)', 'server-sent events');
    expect([await count('websocket'), await count('sse'), await sample('fieldgate_open_subscriptions')]).toEqual([1, 1, 2]);
    const { uuid: userId } = await server.user();
    const { id: tokenId } = await server.db.prisma.token.findFirstOrThrow({ where: { userId } });
    const entry = { kind: 'SESSION', reason: 'LOGOUT', initiator: 'USER', revokedAt: new Date(Date.now() - 3_600_000) } as const;
    await server.db.prisma.tokenRevocation.create({ data: { tokenId, userId, ...entry } });
    await waitUntil(() => socket.sids.length === 1 && stream.sids.length === 1);
    await waitUntil(async () => (await sample('fieldgate_revocation_delivery_seconds_count')) === 2);
    expect(Math.round(((await sample('fieldgate_revocation_delivery_seconds_sum')) ?? 0) / 7_200)).toBe(1);
    socket.leave();
    stream.leave();
    await waitUntil(async () => (await count('websocket')) === 0 && (await count('sse')) === 0);
    expect(await sample('fieldgate_open_subscriptions')).toBe(0);
  });

  it('show emails, jobs, the audit chain and the signing keys', async () => {
    await server.query('mutation ($email: String!) { requestPasswordReset(input: { email: $email }) { accepted } }', {
      email: (await server.user()).email,
    });
    await waitUntil(async () => (await sample('fieldgate_emails_total', { outcome: 'previewed' })) === 1);
    await server.db.prisma.job.update({ where: { name: 'purge-tokens' }, data: { dueAt: new Date(0) } });
    await waitUntil(async () => (await sample('fieldgate_job_runs_total', { job: 'purge-tokens', outcome: 'OK' })) === 1);
    await waitUntil(async () => ((await sample('fieldgate_job_last_success_timestamp_seconds', { job: 'purge-tokens' })) ?? 0) > 1e9);
    await waitUntil(async () => ((await sample('fieldgate_audit_chain_position')) ?? 0) > 0);
    expect(await sample('fieldgate_signing_keys')).toBe(1);
    expect(await sample('fieldgate_mail_server_up')).toBe(1);
    expect(await sample('fieldgate_outbox_emails_waiting')).toBe(0);
    expect(await sample('fieldgate_build_info', { version: packageJson.version })).toBe(1);
    expect(await sample('fieldgate_password_hashes_running')).toBe(0);
  });

  it.skipIf(isEmbedded)(
    'are served without those of the database while it is down (needs a PostgreSQL server)',
    async () => {
      const log = createLogger('silent');
      const made = await createTestDatabase(testConfig(), log);
      const proxy = await proxyTo(made.url ?? '');
      const config = testConfig({ DATABASE_URL: proxy.url, METRICS_PORT: '0' });
      const db = await openDatabase(config, log);
      const running = await startServer(config, log, db);
      const read = async (...names: string[]) => {
        const text = await scrape(running.metricsUrl);
        return Promise.all(names.map((name) => sample(`fieldgate_${name}`, {}, text)));
      };
      const names = ['database_up', 'ready', 'outbox_emails_waiting', 'clock_offset_seconds', 'signing_keys'];
      expect(await read(...names)).toEqual([1, 1, 0, expect.any(Number), 1]);
      await proxy.blackhole();
      expect(await read(...names)).toEqual([0, 0, undefined, undefined, 1]);
      const ready = await fetch(`${running.metricsUrl}/health/ready`);
      expect([ready.status, await ready.json()]).toMatchObject([
        503,
        { status: 'not ok', checks: { database: 'not ok', clock: 'unknown' } },
      ]);
      await proxy.cut();
      await proxy.restore();
      await waitUntil(async () => (await read('database_up'))[0] === 1);
      await running.stop();
      await db.close();
      await proxy.cut();
      await made.drop();
    },
    30_000,
  );
});
