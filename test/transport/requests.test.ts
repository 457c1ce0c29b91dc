import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';
import { codeIn, post, request, sendRaw } from './raw-client.ts';

const server = await startTestServer();
const query = JSON.stringify({ query: '{ viewer { fresh } }' });
const inForm = 'query=%7B%20viewer%20%7B%20fresh%20%7D%20%7D';

describe('a request to /graphql', () => {
  it('must use POST', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'TRACE'])
      expect((await sendRaw(server.url, request([], '', `${method} /graphql HTTP/1.1`))).status, method).toBe(405);
    const answer = await fetch(`${server.url}/graphql?${inForm}`, { headers: { accept: 'text/event-stream' } });
    expect(answer.headers.get('allow')).toBe('POST, OPTIONS');
  });

  it('must be unencoded UTF-8 JSON', async () => {
    const types = [
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain',
      'application/graphql',
      'application/json; charset=utf-7',
      'application/json, text/plain',
    ];
    for (const type of types) expect((await post(server, query, { 'content-type': type })).status, type).toBe(415);
    expect((await sendRaw(server.url, request(['content-encoding: gzip'], query))).status).toBe(415);
    expect((await post(server, query, { 'content-type': 'Application/JSON; charset=UTF-8' })).status).toBe(200);
  });

  it('must contain a single operation and no unknown members', async () => {
    for (const body of [`[${query}]`, '[]', 'null', '"x"', '{}', '{"query":1}', '{"query":"{ viewer { fresh } }","map":{}}'])
      expect(await codeIn(await post(server, body)), body).toBe('INVALID_INPUT');
    for (const variables of [[], 'x', 1])
      expect((await post(server, JSON.stringify({ query: '{ me { id } }', variables }))).status).toBe(400);
  });

  it('is limited to 100 KiB, also with chunked encoding', async () => {
    const long = JSON.stringify({ query: '{ viewer { fresh } }', variables: { text: 'x'.repeat(101 * 1024) } });
    expect((await post(server, long)).status).toBe(413);
    const chunked = `POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`;
    const { status } = await sendRaw(server.url, `${chunked}${(101 * 1024).toString(16)}\r\n${'x'.repeat(101 * 1024)}\r\n`);
    expect(status).toBe(413);
  });

  it('is rejected with duplicate members or names such as __proto__', async () => {
    const inside = (text: string) => `{"query":"{ viewer { fresh } }","variables":${text}}`;
    for (const text of [
      '{"a":1,"a":2}',
      '{"__proto__":{"a":1}}',
      '{"\\u005f_proto__":1}',
      '{"a":{"constructor":1}}',
      '{"a":[{"prototype":1}]}',
    ])
      expect(await codeIn(await post(server, inside(text))), text).toBe('INVALID_INPUT');
    expect((await post(server, inside('{"a":["b","::","\\"c\\":"],"d":{"a":1}}'))).status).toBe(200);
  });

  it('is rejected with unpaired surrogates, U+0000 or invalid UTF-8', async () => {
    for (const text of ['\ud800', 'a\udfff', '\u0000']) {
      expect(await codeIn(await post(server, JSON.stringify({ query: '{ viewer { fresh } }', variables: { text } })))).toBe(
        'INVALID_INPUT',
      );
      expect(await codeIn(await post(server, JSON.stringify({ query: `{ viewer { fresh } } # ${text}` })))).toBe('INVALID_INPUT');
    }
    for (const escaped of ['\\u0000', '\\u{0}', '\\ud800'])
      expect(await codeIn(await post(server, JSON.stringify({ query: `{ node(id: "${escaped}") { id } }` })))).toBe('INVALID_INPUT');
    const surrogateInBytes = Buffer.from([...Buffer.from('{"query":"{ viewer { fresh } } # '), 0xed, 0xa0, 0x80, 0x22, 0x7d]);
    expect((await sendRaw(server.url, request([], surrogateInBytes))).status).toBe(400);
  });

  it('is rejected with duplicate authorization, host or origin headers', async () => {
    for (const headers of [
      ['authorization: Bearer a', 'Authorization: Bearer b'],
      ['host: localhost', 'host: localhost'],
      ['origin: https://a.example', 'origin: https://b.example'],
    ])
      expect((await sendRaw(server.url, request(headers, query))).status, headers[0]).toBe(400);
    expect((await sendRaw(server.url, request(['transfer-encoding: chunked'], query))).status).toBe(400);
  });

  it('is rejected with a token in the URL', async () => {
    const { accessToken } = await server.user();
    const answer = await fetch(`${server.url}/graphql?access_token=${accessToken}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: query,
    });
    expect([answer.status, await codeIn(answer)]).toEqual([400, 'INVALID_INPUT']);
  });

  it('gets 404 on unknown paths', async () => {
    const statuses = ['/', '/graphql/', '/health', '/health/none', '/metrics', '/.well-known/x'].map(
      async (path) => (await fetch(server.url + path)).status,
    );
    expect(new Set(await Promise.all(statuses))).toEqual(new Set([404]));
  });
});
