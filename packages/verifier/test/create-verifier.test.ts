import { randomUUID } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { createVerifier, type Options } from '../src/create-verifier.ts';
import { codeOf, until } from './open-verifier.ts';
import { apiToken, type Issuer, now, openIssuer, send } from './test-issuer.ts';

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
});

async function createIssuer(): Promise<Issuer> {
  const issuer = await openIssuer();
  closing.push(issuer.close);
  return issuer;
}

async function startVerifier({ url }: Pick<Issuer, 'url'>, options: Partial<Options> = {}) {
  const verifier = await createVerifier({ url, token: apiToken, ...options });
  closing.push(verifier.close);
  return verifier;
}

describe.concurrent('createVerifier', () => {
  it('resolves once it has loaded the keys and the snapshot', async () => {
    const verifier = await startVerifier(await createIssuer());
    expect(verifier).toMatchObject({ state: 'following', problem: undefined });
    expect(verifier.staleness()).toBeLessThan(2_000);
  });

  it.each<[string, object]>([
    ['url', { url: 'id.test' }],
    ['url', { url: 'ftp://id.test' }],
    ['url', { url: 'https://user@id.test' }],
    ['token', { token: undefined }],
    ['token', { token: 'with a\nline' }],
    ['audience', { audience: '' }],
    ['issuer', { issuer: '' }],
    ['transport', { transport: 'pigeon' }],
    ['heartbeat', { heartbeat: '10ms' }],
    ['heartbeat', { heartbeat: 'often' }],
    ['cachedTokens', { cachedTokens: 0 }],
    ['revokedSessions', { revokedSessions: 1.5 }],
  ])('rejects an invalid option %s and names it without its value', async (name, options) => {
    const made = createVerifier({ url: 'http://127.0.0.1:1', token: apiToken, ...options } as Options);
    const error = (await made.catch((thrown: unknown) => thrown)) as Error & { code: string };
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION', message: expect.stringContaining(name) });
    for (const value of Object.values(options)) if (value) expect(error.message).not.toContain(String(value));
  });

  it('rejects when the server rejects the API token', async () => {
    const { url } = await createIssuer();
    expect(await codeOf(createVerifier({ url, token: 'fg_another' }))).toBe('ERR_REFUSED');
    expect(await codeOf(createVerifier({ url, token: 'fg_another', transport: 'websocket' }))).toBe('ERR_REFUSED');
  });

  it('resolves in a stale state while the server is unreachable, and recovers later', async () => {
    const issuer = await createIssuer();
    const jwt = await issuer.token();
    await issuer.close();
    const verifier = await startVerifier(issuer);
    expect(verifier).toMatchObject({ state: 'starting', problem: { code: 'ERR_UNREACHABLE' } });
    expect(verifier.staleness()).toBe(Number.POSITIVE_INFINITY);
    expect(await codeOf(verifier.verify(jwt))).toBe('ERR_STALE');
    await issuer.listen();
    await until(() => verifier.state === 'following');
    expect(await codeOf(verifier.verify(jwt))).toBe('accepted');
  });

  it.each<[string, JWTPayload, Record<string, unknown>]>([
    ['another type', {}, { typ: 'at+jwt' }],
    ['another issuer', { iss: 'http://elsewhere.test' }, {}],
    ['another audience', { aud: 'another' }, {}],
    ['an expiry in the past', { iat: now() - 120, exp: now() - 60 }, {}],
    ['an iat in the future', { iat: now() + 60 }, {}],
    ['an expiry too far ahead', { exp: now() + 1e9 }, {}],
    ['no cursor', { cursor: undefined }, {}],
    ['a lifetime above the maximum', { lifetime: 961 }, {}],
    ['no lifetime', { lifetime: undefined }, {}],
    ['no list of revocations', { revoked: {} }, {}],
    ['a malformed list', { revoked: [['sid', 'yesterday']] }, {}],
  ])('rejects a snapshot with %s', async (_, claims, header) => {
    const issuer = await createIssuer();
    issuer.faults['/revocations/snapshot'] = async (__, response) => void response.end(await issuer.snapshot(claims, header));
    const verifier = await startVerifier(issuer);
    expect(verifier).toMatchObject({ state: 'starting', problem: { code: 'ERR_SNAPSHOT_INVALID' } });
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('ERR_STALE');
    delete issuer.faults['/revocations/snapshot'];
    await until(() => verifier.state === 'following');
  });

  it('rejects a snapshot with an invalid signature', async () => {
    const issuer = await createIssuer();
    const sid = issuer.revoke();
    issuer.faults['/revocations/snapshot'] = async (_, response) => {
      const [header, payload = '', signature] = (await issuer.snapshot()).split('.');
      const emptied = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), revoked: [] };
      response.end([header, Buffer.from(JSON.stringify(emptied)).toString('base64url'), signature].join('.'));
    };
    const verifier = await startVerifier(issuer);
    expect(verifier.problem?.code).toBe('ERR_SNAPSHOT_INVALID');
    expect(await codeOf(verifier.verify(await issuer.token({ sid })))).toBe('ERR_STALE');
  });

  it('limits the size of responses', async () => {
    const issuer = await createIssuer();
    issuer.faults['/revocations/snapshot'] = (_, response) => void response.end('x'.repeat(200_000));
    const verifier = await startVerifier(issuer, { revokedSessions: 10 });
    expect(verifier.problem).toMatchObject({ code: 'ERR_UNREACHABLE', message: expect.stringContaining('bytes') });
  });

  it('logs when it starts and stops following, and never logs the token', async () => {
    const issuer = await createIssuer();
    const lines: string[] = [];
    const log = { info: (text: string) => lines.push(`info ${text}`), warn: (text: string) => lines.push(`warn ${text}`) };
    const verifier = await startVerifier(issuer, { log });
    await issuer.close();
    await until(() => lines.length === 2);
    await issuer.listen();
    await until(() => verifier.state === 'following');
    expect(lines.map((line) => line.slice(0, 4))).toEqual(['info', 'warn', 'info']);
    expect(lines.join()).not.toContain(apiToken);
  });

  it('survives a logger that throws', async () => {
    const throwError = () => {
      throw new Error('broken log');
    };
    expect((await startVerifier(await createIssuer(), { log: { info: throwError, warn: throwError } })).state).toBe('following');
  });
});

describe.concurrent('close', () => {
  it.each(['sse', 'websocket'] as const)('closes the connection, after which verify rejects (%s)', async (transport) => {
    const issuer = await createIssuer();
    const verifier = await startVerifier(issuer, { transport });
    const jwt = await issuer.token({ sid: randomUUID() });
    await verifier.verify(jwt);
    await verifier.close();
    expect(verifier.state).toBe('closed');
    expect(await codeOf(verifier.verify(jwt))).toBe('ERR_CLOSED');
    await until(() => issuer.listeners.size === 0);
  });

  it('does not wait for an unreachable server', async () => {
    const issuer = await createIssuer();
    const verifier = await startVerifier(issuer);
    issuer.faults['/graphql'] = (_, response) => send(response, 503, {});
    for (const listener of issuer.listeners) listener.cut();
    await until(() => verifier.state === 'reconnecting');
    await verifier.close();
    const { length } = issuer.requests;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(issuer.requests).toHaveLength(length);
  });

  it('does not wait for a pending retry', { timeout: 2_400 }, async () => {
    const issuer = await createIssuer();
    const verifier = await startVerifier(issuer);
    for (const listener of issuer.listeners) listener.refuse();
    await until(() => verifier.problem?.code === 'ERR_REFUSED'); // the next retry is at least 2.5 s away
    await verifier.close();
    expect(verifier.state).toBe('closed');
  });
});
