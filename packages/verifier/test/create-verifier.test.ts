import { randomUUID } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { createVerifier, type Options } from '../src/create-verifier.ts';
import { apiToken, type Issuer, now, openIssuer, send } from './issuer.ts';
import { codeOf, until } from './open-verifier.ts';

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
});

async function issued(): Promise<Issuer> {
  const issuer = await openIssuer();
  closing.push(issuer.close);
  return issuer;
}

async function started({ url }: Pick<Issuer, 'url'>, options: Partial<Options> = {}) {
  const verifier = await createVerifier({ url, token: apiToken, ...options });
  closing.push(verifier.close);
  return verifier;
}

describe.concurrent('createVerifier', () => {
  it('answers once it is fresh', async () => {
    const verifier = await started(await issued());
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
  ])('names the option %s where it cannot be used, and says no value', async (name, options) => {
    const made = createVerifier({ url: 'http://127.0.0.1:1', token: apiToken, ...options } as Options);
    const error = (await made.catch((thrown: unknown) => thrown)) as Error & { code: string };
    expect(error).toMatchObject({ code: 'ERR_CONFIGURATION', message: expect.stringContaining(name) });
    for (const value of Object.values(options)) if (value) expect(error.message).not.toContain(String(value));
  });

  it('throws where the server refuses the API token', async () => {
    const { url } = await issued();
    expect(await codeOf(createVerifier({ url, token: 'fg_another' }))).toBe('ERR_REFUSED');
    expect(await codeOf(createVerifier({ url, token: 'fg_another', transport: 'websocket' }))).toBe('ERR_REFUSED');
  });

  it('waits, stale, for a server that is away', async () => {
    const issuer = await issued();
    const jwt = await issuer.token();
    await issuer.close();
    const verifier = await started(issuer);
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
    ['a time that is over', { iat: now() - 120, exp: now() - 60 }, {}],
    ['a time to come', { iat: now() + 60 }, {}],
    ['a time without end', { exp: now() + 1e9 }, {}],
    ['no cursor', { cursor: undefined }, {}],
    ['a lifetime that is longer than any', { lifetime: 961 }, {}],
    ['no lifetime', { lifetime: undefined }, {}],
    ['no list', { revoked: {} }, {}],
    ['a list of something else', { revoked: [['sid', 'yesterday']] }, {}],
  ])('believes no snapshot with %s', async (_, claims, header) => {
    const issuer = await issued();
    issuer.faults['/revocations/snapshot'] = async (__, response) => void response.end(await issuer.snapshot(claims, header));
    const verifier = await started(issuer);
    expect(verifier).toMatchObject({ state: 'starting', problem: { code: 'ERR_SNAPSHOT_INVALID' } });
    expect(await codeOf(verifier.verify(await issuer.token()))).toBe('ERR_STALE');
    delete issuer.faults['/revocations/snapshot'];
    await until(() => verifier.state === 'following');
  });

  it('believes no snapshot that somebody changed', async () => {
    const issuer = await issued();
    const sid = issuer.revoke();
    issuer.faults['/revocations/snapshot'] = async (_, response) => {
      const [header, payload = '', signature] = (await issuer.snapshot()).split('.');
      const emptied = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), revoked: [] };
      response.end([header, Buffer.from(JSON.stringify(emptied)).toString('base64url'), signature].join('.'));
    };
    const verifier = await started(issuer);
    expect(verifier.problem?.code).toBe('ERR_SNAPSHOT_INVALID');
    expect(await codeOf(verifier.verify(await issuer.token({ sid })))).toBe('ERR_STALE');
  });

  it('takes in no more of an answer than it can be', async () => {
    const issuer = await issued();
    issuer.faults['/revocations/snapshot'] = (_, response) => void response.end('x'.repeat(200_000));
    const verifier = await started(issuer, { revokedSessions: 10 });
    expect(verifier.problem).toMatchObject({ code: 'ERR_UNREACHABLE', message: expect.stringContaining('bytes') });
  });

  it('tells its log when it follows and when it does not, and never the token', async () => {
    const issuer = await issued();
    const said: string[] = [];
    const log = { info: (text: string) => said.push(`info ${text}`), warn: (text: string) => said.push(`warn ${text}`) };
    const verifier = await started(issuer, { log });
    await issuer.close();
    await until(() => said.length === 2);
    await issuer.listen();
    await until(() => verifier.state === 'following');
    expect(said.map((line) => line.slice(0, 4))).toEqual(['info', 'warn', 'info']);
    expect(said.join()).not.toContain(apiToken);
  });

  it('is not ended by a log that fails', async () => {
    const fail = () => {
      throw new Error('no paper');
    };
    expect((await started(await issued(), { log: { info: fail, warn: fail } })).state).toBe('following');
  });
});

describe.concurrent('close', () => {
  it.each(['sse', 'websocket'] as const)('ends the line and verifies no more (%s)', async (transport) => {
    const issuer = await issued();
    const verifier = await started(issuer, { transport });
    const jwt = await issuer.token({ sid: randomUUID() });
    await verifier.verify(jwt);
    await verifier.close();
    expect(verifier.state).toBe('closed');
    expect(await codeOf(verifier.verify(jwt))).toBe('ERR_CLOSED');
    await until(() => issuer.listeners.size === 0);
  });

  it('does not wait for a server that is away', async () => {
    const issuer = await issued();
    const verifier = await started(issuer);
    issuer.faults['/graphql'] = (_, response) => send(response, 503, {});
    for (const line of issuer.listeners) line.cut();
    await until(() => verifier.state === 'reconnecting');
    await verifier.close();
    const { length } = issuer.requests;
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(issuer.requests).toHaveLength(length);
  });

  it('does not wait until it would try again', { timeout: 2_400 }, async () => {
    const issuer = await issued();
    const verifier = await started(issuer);
    for (const line of issuer.listeners) line.refuse();
    await until(() => verifier.problem?.code === 'ERR_REFUSED'); // from now on it waits for at least 2.5 s
    await verifier.close();
    expect(verifier.state).toBe('closed');
  });
});
