import { describe, expect, it } from 'vitest';
import { startTestServer, uniqueAddress } from '../test-server.ts';
import { apiToken, createTokenFor, post } from './endpoint-client.ts';

const server = await startTestServer();
const revoking = await apiToken(server, ['tokens:revoke']);
const introspecting = await apiToken(server, ['tokens:introspect']);
const paths = { '/oauth/revoke': revoking, '/oauth/introspect': introspecting };

describe.each(Object.entries(paths))('%s', (path, { secret, owner }) => {
  const permission = path === '/oauth/revoke' ? 'tokens:revoke' : 'tokens:introspect';
  const send = (body: string | Buffer, headers: Record<string, string> = {}, token = secret) =>
    post(server, path, body, { token, headers });

  it('requires an API token with the scope whose owner has a role with the permission', async () => {
    const root = await server.user('SUPERADMIN');
    const permitted = [secret, (await createTokenFor(server, root.uuid, [permission])).secret];
    for (const token of permitted) expect((await send('token=x', {}, token)).status).toBe(200);
    const others = [
      (await createTokenFor(server, owner.uuid, ['tokens:read'])).secret, // without the scope
      (await apiToken(server, [permission], [])).secret, // without the role
      (await apiToken(server, [permission], ['tokens:read'])).secret,
      (await createTokenFor(server, (await server.user('ADMIN')).uuid, [permission])).secret,
      root.accessToken, // a session
      owner.accessToken,
    ];
    for (const [index, token] of others.entries()) {
      const { status, headers, json } = await send('token=x', {}, token);
      expect([status, json.error, headers.get('www-authenticate')], String(index)).toEqual([
        403,
        'insufficient_scope',
        'Bearer error="insufficient_scope"',
      ]);
    }
  });

  it('rejects anonymous requests and invalid bearer tokens with 401 and a challenge', async () => {
    const gone = await createTokenFor(server, owner.uuid, [permission]);
    await server.db.prisma.token.update({ where: { id: gone.id }, data: { revokedAt: new Date() } });
    const answers = [
      await post(server, path, `token=x`),
      await post(server, path, `token=x&client_id=a&client_secret=${secret}`),
      await send('token=x', {}, gone.secret),
      await send('token=x', {}, `fg_${'A'.repeat(43)}`),
      await post(server, path, 'token=x', { headers: { authorization: `Basic ${Buffer.from(`a:${secret}`).toString('base64')}` } }),
    ];
    for (const { status, headers, json } of answers)
      expect([status, json.error, headers.get('www-authenticate')]).toEqual([401, 'invalid_client', 'Bearer error="invalid_token"']);
  });

  it('requires a UTF-8 form with each parameter at most once, and ignores unknown parameters', async () => {
    const good = ['token=x', 'token=x&token_type_hint=nonsense', 'token_type_hint=access_token&resource=%C3%A9&token=x', '&token=x&'];
    for (const body of good) expect((await send(body)).status, body).toBe(200);
    const bad = [
      '',
      'token=',
      'token',
      'tokens=x',
      'token=x&token=x',
      'token=x&token_type_hint=a&token_type_hint=b',
      'token=x&%74oken=y',
      'token=%ff',
      'token=%zz',
      Buffer.from([...Buffer.from('token='), 0xff]),
      '{"token":"x"}',
    ];
    for (const body of bad) expect(await send(body), String(body)).toMatchObject({ status: 400, json: { error: 'invalid_request' } });
  });

  it('rejects other content types, content encodings, large bodies, and parameters in the URL', async () => {
    for (const type of ['application/json', 'text/plain', 'multipart/form-data', 'application/x-www-form-urlencoded; charset=utf-16', ''])
      expect((await send('token=x', { 'content-type': type })).status, type).toBe(415);
    expect((await send('token=x', { 'content-encoding': 'gzip' })).status).toBe(415);
    expect((await send('token=x', { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' })).status).toBe(200);
    expect((await send(`token=${'x'.repeat(16_384)}`)).status).toBe(413);
    expect((await post(server, `${path}?token=x`, 'token=x', { token: secret })).status).toBe(400);
    expect((await fetch(`${server.url}${path}`)).status).toBe(405);
  });

  it('is never cached, and returns JSON errors that do not repeat the request', async () => {
    const answers = [await send('token=x'), await send('token=hunter2&token=hunter2'), await send('token=x', {}, `fg_${'B'.repeat(43)}`)];
    for (const { headers, text } of answers) {
      expect([headers.get('cache-control'), text.includes('hunter2'), text.includes('BBBB')]).toEqual(['no-store', false, false]);
    }
    expect(answers.slice(1).map(({ json, headers }) => [Object.keys(json), headers.get('content-type')])).toEqual(
      Array(2).fill([['error', 'error_description'], 'application/json; charset=utf-8']),
    );
  });

  it('rate-limits guesses of the bearer token', async () => {
    const address = uniqueAddress();
    const guess = (index: number) => post(server, path, 'token=x', { token: `fg_${'A'.repeat(40)}${100 + index}`, address });
    const statuses = new Set<number>();
    for (let index = 0; index < 100; index += 1) statuses.add((await guess(index)).status);
    expect([...statuses]).toEqual([401]);
    expect(await guess(100)).toMatchObject({ status: 429, json: { error: 'temporarily_unavailable' } });
    expect(Number((await guess(101)).headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
