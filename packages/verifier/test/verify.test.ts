import { createHmac, randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { codeOf, openVerifier } from './open-verifier.ts';
import { now, openIssuer } from './test-issuer.ts';

const issuer = await openIssuer();
afterAll(issuer.close);
const verifier = await openVerifier(issuer);
const { token } = issuer;
const base64 = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const unknownKey = await generateKeyPair('EdDSA');
const payload = () => ({ iss: issuer.url, aud: 'fieldgate', sub: 'u', sid: 's', jti: 'j', iat: now(), exp: now() + 300 });
/** Signs a token manually that jose would refuse to sign. */
const byHand = async (header: object, body: string) => {
  const { privateKey } = issuer.keys.get('first') ?? unknownKey;
  const input = `${base64({ alg: 'EdDSA', typ: 'at+jwt', kid: 'first', ...header })}.${base64(body)}`;
  const signature = await crypto.subtle.sign('Ed25519', privateKey, Buffer.from(input));
  return `${input}.${Buffer.from(signature).toString('base64url')}`;
};

describe('verify', () => {
  it('returns the claims of the token', async () => {
    const claims = { sub: randomUUID(), sid: randomUUID(), jti: randomUUID(), auth_time: now() - 5 };
    const iat = now();
    const result = await verifier.verify(await token({ ...claims, iat, exp: iat + 300 }));
    expect(result).toEqual({ iss: issuer.url, aud: 'fieldgate', ...claims, iat, exp: iat + 300 });
  });

  it('sends no request', async () => {
    const jwt = await token();
    await verifier.verify(jwt);
    const before = issuer.requests.length;
    for (let times = 0; times < 100; times += 1) await verifier.verify(jwt);
    await Promise.all(Array.from({ length: 100 }, async () => verifier.verify(await token())));
    expect(issuer.requests.slice(before).filter((path) => path !== '/.well-known/jwks.json')).toEqual([]);
    expect(issuer.requests.length - before).toBeLessThan(2); // keys are reloaded periodically
  });

  it.each<[string, () => Promise<unknown> | unknown]>([
    ['undefined', () => undefined],
    ['a value that is not a string', () => ({})],
    ['an empty string', () => ''],
    ['a string of another format', () => 'fg_at_abc'],
    ['a token with a suffix', async () => `${await token()}.e30`],
    ['a token with a trailing newline', async () => `${await token()}\n`],
    ['a token of more than 4,096 characters', () => token({ more: 'x'.repeat(4_096) })],
    ['a token without a signature', async () => (await token()).replace(/[^.]+$/, '')],
    ['alg none', () => `${base64({ alg: 'none', typ: 'at+jwt', kid: 'first' })}.${base64(payload())}.`],
    ['an HMAC with the public key', hmacOfPublicKey],
    ['a signature by an unknown key', () => signedBy({})],
    ['a key in the header (jwk)', async () => signedBy({ jwk: await exportJWK(unknownKey.publicKey) })],
    ['a key behind an address in the header (jku)', () => signedBy({ jku: `${issuer.url}/other-keys.json` })],
    ['a certificate behind an address in the header (x5u)', () => signedBy({ x5u: `${issuer.url}/other-keys.pem` })],
    ['an unknown kid', () => signedBy({ kid: 'second' })],
    ['no kid', () => token({}, { kid: undefined })],
    ['an unknown crit', () => byHand({ crit: ['odd'], odd: 1 }, JSON.stringify(payload()))],
    ['typ JWT', () => token({}, { typ: 'JWT' })],
    ['the typ of a snapshot', () => token({}, { typ: 'revocations+jwt' })],
    ['no typ', () => token({}, { typ: undefined })],
    ['another issuer', () => token({ iss: 'http://elsewhere.test' })],
    ['another audience', () => token({ aud: 'another' })],
    ['a list of audiences', () => token({ aud: ['fieldgate', 'another'] })],
    ['no audience', () => token({ aud: undefined as never })],
    ['no sub', () => token({ sub: undefined as never })],
    ['no sid', () => token({ sid: undefined })],
    ['no jti', () => token({ jti: undefined as never })],
    ['no exp', () => token({ exp: undefined as never })],
    ['no iat', () => token({ iat: undefined as never })],
    ['an empty sid', () => token({ sid: '' })],
    ['a sid that is a number', () => token({ sid: 7 })],
    ['a sub that is a list', () => token({ sub: ['u'] as never })],
    ['an exp that is a string', () => token({ exp: String(now() + 300) as never })],
    ['an exp that is not finite', () => byHand({}, JSON.stringify({ ...payload(), exp: 0 }).replace('"exp":0', '"exp":1e999'))],
    ['a lifetime of more than 15 minutes', () => token({ exp: now() + 901 })],
    ['an iat in the future', () => token({ iat: now() + 60 })],
  ])('rejects %s', async (_, made) => {
    expect(await codeOf(verifier.verify((await made()) as string))).toBe('ERR_TOKEN_INVALID');
  });

  it('rejects an expired token, even if it is cached', async () => {
    expect(await codeOf(verifier.verify(await token({ iat: now() - 300, exp: now() - 1 })))).toBe('ERR_TOKEN_EXPIRED');
    const short = await token({ exp: now() + 1 });
    expect(await codeOf(verifier.verify(short))).toBe('accepted');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await codeOf(verifier.verify(short))).toBe('ERR_TOKEN_EXPIRED');
  });

  it('verifies a token again after it was evicted from the cache', async () => {
    const small = await openVerifier(issuer, { cachedTokens: 2 });
    const [first, ...others] = await Promise.all(Array.from({ length: 6 }, () => token()));
    for (const jwt of [first, ...others, first]) expect(await codeOf(small.verify(String(jwt)))).toBe('accepted');
  });

  it('does not repeat the token in its error', async () => {
    for (const jwt of [await signedBy({ kid: 'third' }), 'a-secret.of-another.form-of-text.than-this']) {
      const error = (await verifier.verify(jwt).catch((thrown: unknown) => thrown)) as Error;
      const details = [error.message, error.stack, JSON.stringify(error), String(error.cause)].join();
      for (const part of jwt.split('.')) expect(details).not.toContain(part);
    }
  });

  it('requires a valid duration for maxStaleness', async () => {
    const jwt = await token();
    expect(await codeOf(verifier.verify(jwt, { maxStaleness: '2 seconds' as never }))).toBe('ERR_CONFIGURATION');
  });
});

/** Signs with a key that the server does not know. */
function signedBy(header: Record<string, unknown>) {
  return new SignJWT(payload()).setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'first', ...header }).sign(unknownKey.privateKey);
}

async function hmacOfPublicKey() {
  const { x = '' } = await exportJWK(issuer.keys.get('first')?.publicKey as never);
  const input = `${base64({ alg: 'HS256', typ: 'at+jwt', kid: 'first' })}.${base64(payload())}`;
  return `${input}.${createHmac('sha256', Buffer.from(x, 'base64url')).update(input).digest('base64url')}`;
}
