import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';
import { rawSocket, request, sendRaw } from './raw-client.ts';

const server = await startTestServer({ CORS_ORIGINS: 'https://app.example' });
const lines = (...given: string[]) => `${[...given, 'connection: close'].join('\r\n')}\r\n\r\n`;

describe('a health probe', () => {
  const probes = ['/health/live', '/health/ready'].flatMap((path) => ['GET', 'HEAD'].map((method) => `${method} ${path}`));

  it.each(probes)('%s succeeds whatever the Host, and without one, over HTTP/1.0 and 1.1', async (probe) => {
    for (const host of ['10.1.2.3:4000', '[2001:db8::1]:4000', 'elsewhere.example', 'localhost', '', 'un der'])
      expect((await sendRaw(server.url, lines(`${probe} HTTP/1.1`, `host: ${host}`))).status, host).toBe(200);
    expect((await sendRaw(server.url, lines(`${probe} HTTP/1.0`))).status).toBe(200);
    expect((await sendRaw(server.url, lines(`${probe} HTTP/1.1`))).status).toBe(200);
  });
});

describe('HEAD', () => {
  it.each([
    '/health/live',
    '/health/ready',
    '/.well-known/jwks.json',
    '/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
    '/.well-known/ssf-configuration',
    '/page.css',
    '/confirm?token=x',
    '/dev/mails',
    `/avatars/${randomUUID()}.svg`,
  ])('of %s responds like GET, without the body', async (path) => {
    const [get, head] = await Promise.all(
      ['GET', 'HEAD'].map((method) =>
        sendRaw(server.url, lines(`${method} ${path} HTTP/1.1`, 'host: localhost', 'x-request-id: fixed-id-1')),
      ),
    );
    expect(get?.body).not.toBe('');
    expect(head?.body).toBe('');
    expect(comparable(head?.headers)).toEqual(comparable(get?.headers));
  });

  it('of GraphiQL responds like GET, without the body', async () => {
    const headers = { accept: 'text/html' };
    const [get, head] = await Promise.all(['GET', 'HEAD'].map((method) => fetch(`${server.url}/graphql`, { method, headers })));
    expect([get?.status, head?.status]).toEqual([200, 200]);
    expect(await head?.text()).toBe('');
  });

  it('is listed where GET is, and rejected where only POST is', async () => {
    const rejected = await fetch(`${server.url}/health/live`, { method: 'POST' });
    expect([rejected.status, rejected.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const onlyPost = await fetch(`${server.url}/oauth/introspect`, { method: 'HEAD' });
    expect([onlyPost.status, onlyPost.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

/** The status and the headers except those that describe how the body is sent. */
const comparable = (headers = '') => headers.split('\r\n').filter((line) => !/^(date|content-length|transfer-encoding):/.test(line));

describe('a rejected request', () => {
  const query = JSON.stringify({ query: '{ viewer { fresh } }' });
  const loggedWith = (text: string) => server.log.filter((line) => line.includes('http_request_rejected') && line.includes(text));

  it('is logged once a minute with the setting that would allow its Host', async () => {
    for (let time = 0; time < 3; time += 1) await sendRaw(server.url, request(['host: Other.example:8443'], query));
    expect(loggedWith('"host":"other.example:8443"')).toEqual([expect.stringContaining('"setting":"ALLOWED_HOSTS"')]);
    await rawSocket(server, { headers: { host: 'socket.example' } });
    expect(loggedWith('"host":"socket.example"')).toHaveLength(1);
  });

  it('is logged with the setting that would allow its origin', async () => {
    await sendRaw(server.url, request(['origin: https://evil.example'], query));
    expect(loggedWith('"origin":"https://evil.example"')).toEqual([expect.stringContaining('"setting":"CORS_ORIGINS"')]);
  });

  it('is logged with its method and path, without its query', async () => {
    await fetch(`${server.url}/oauth/revoke?token=secret-in-query`, { method: 'DELETE' });
    expect(loggedWith('"method":"DELETE"')).toEqual([expect.stringContaining('"path":"/oauth/revoke","allowed":"POST"')]);
    expect(server.log.join('')).not.toContain('secret-in-query');
  });

  it('is logged without a username, password, path or query', async () => {
    await sendRaw(server.url, request(['host: ada:hunter2@elsewhere.example'], query));
    await sendRaw(server.url, request(['origin: https://ada:hunter2@elsewhere.example/hunter2?token=hunter2'], query));
    expect(loggedWith('"host":"elsewhere.example"')).toHaveLength(1);
    expect(loggedWith('"origin":"https://elsewhere.example"')).toHaveLength(1);
    expect(server.log.join('')).not.toContain('hunter2');
  });

  it('does not fill the log, however many different hosts are sent', async () => {
    for (let index = 0; index < 150; index += 1) await sendRaw(server.url, request([`host: flood-${index}.example`], query));
    expect(loggedWith('flood-').length).toBeLessThan(110);
  });
});
