import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CompactEncrypt, CompactSign, exportJWK, FlattenedSign, generateKeyPair, importJWK } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const [jwk] = JSON.parse(server.config.JWT_KEYS ?? '');
const key = (await importJWK(jwk, 'EdDSA')) as CryptoKey;
const attacker = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
const attackerJwk = await exportJWK(attacker.publicKey);
const rsa = await generateKeyPair('RS256');
const alice = await server.user();
const own = String(alice.accessToken);
const [header = '', payload = '', signature = ''] = own.split('.');
const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
const now = Math.floor(Date.now() / 1_000);

/** A server of an attacker that serves the attacker's keys. */
let fetched = 0;
const elsewhere = createServer((_, response) => {
  fetched += 1;
  response.end(JSON.stringify({ keys: [{ ...attackerJwk, kid: 'evil', alg: 'EdDSA' }] }));
}).listen(0, '127.0.0.1');
await new Promise((resolve) => elsewhere.once('listening', resolve));
afterAll(() => elsewhere.close());
const attackerUrl = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/keys`;

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const usual = { alg: 'EdDSA', typ: 'at+jwt', kid: jwk.kid };

/** A token with this payload text and these header changes. */
const signText = (text: string, changed: object = {}, signer: CryptoKey | Uint8Array = key) =>
  new CompactSign(Buffer.from(text)).setProtectedHeader({ ...usual, ...changed }).sign(signer, { crit: { urgent: true, b64: true } });
/** The token of alice with these header changes. */
const withHeader = (changed: object, signer: CryptoKey | Uint8Array = key) => signText(JSON.stringify(claims), changed, signer);
/** The token of alice with these claims changed; undefined removes a claim. */
const withClaims = (changed: object) => signText(JSON.stringify({ ...claims, ...changed }));
/** The token of alice with this raw JSON value for a claim. */
const withRaw = (name: string, value: string) =>
  signText(JSON.stringify({ ...claims, [name]: 0 }).replace(`"${name}":0`, `"${name}":${value}`));

/** The token of alice with the unencoded payload option (RFC 7797). */
async function unencoded() {
  const signer = new FlattenedSign(Buffer.from(payload)).setProtectedHeader({ ...usual, crit: ['b64'], b64: false });
  const { protected: protectedHeader, signature: signed } = await signer.sign(key);
  return `${protectedHeader}.${payload}.${signed}`;
}

const send = (token: string) => server.query('{ me { id } }', {}, { token });
const raw = (authorization: string) => server.query('{ me { id } }', {}, { headers: { authorization } });

async function expectRefused(tokens: readonly (string | Promise<string>)[]) {
  for (const [index, token] of (await Promise.all(tokens)).entries()) {
    const answer = await send(token);
    expect(answer, `${index}: ${token}`).toMatchObject({ status: 401, code: 'INVALID_TOKEN' });
    expect(answer).not.toHaveProperty('data');
  }
}

it('accepts the valid token that the attack tokens are derived from', async () => {
  expect((await send(await withClaims({}))).data.me.id).toBe(alice.id);
});

/** Known attacks on algorithm and key (RFC 8725 §2.1-2.3, §2.6). */
const ofKeys: Record<string, () => (string | Promise<string>)[]> = {
  'alg none': () =>
    ['none', 'None', 'NONE', 'nOnE'].flatMap((alg) => [
      `${base64({ ...usual, alg })}.${payload}.${signature}`,
      `${base64({ ...usual, alg })}.${payload}.`,
      `${base64({ ...usual, alg })}.${payload}.AA`,
    ]),
  'HMAC with the public key as its secret': () =>
    [
      Buffer.from(jwk.x, 'base64url'),
      Buffer.from(jwk.x.padEnd(64)),
      Buffer.from(JSON.stringify({ kty: jwk.kty, crv: jwk.crv, x: jwk.x })),
    ].flatMap((secret) => [withHeader({ alg: 'HS256' }, secret), withHeader({ alg: 'HS256', kid: undefined }, secret)]),
  'an RSA signature': () => [withHeader({ alg: 'RS256' }, rsa.privateKey), withHeader({ alg: 'RS256', kid: undefined }, rsa.privateKey)],
  'another name for the algorithm': () => [
    `${base64({ ...usual, alg: 'Ed25519' })}.${payload}.${signature}`,
    withHeader({ alg: 'Ed25519' }),
  ],
  "an attacker's key under our kid": () => [withHeader({}, attacker.privateKey)],
  'an unknown kid': () => ['unknown', '', '../../keys', "' or 1=1 --", '__proto__', 'constructor'].map((kid) => withHeader({ kid })),
  'no kid': () => [withHeader({ kid: undefined })],
  'a kid that is not a string': () => [7, null, {}, [jwk.kid]].map((kid) => withHeader({ kid })),
  'a key in the header: jwk': () => [
    withHeader({ jwk: attackerJwk }, attacker.privateKey),
    withHeader({ jwk: attackerJwk, kid: 'evil' }, attacker.privateKey),
  ],
  'a key set in the header: jku': () => [
    withHeader({ jku: attackerUrl }, attacker.privateKey),
    withHeader({ jku: attackerUrl, kid: 'evil' }, attacker.privateKey),
  ],
  'a certificate in the header: x5u, x5c': () => [
    withHeader({ x5u: attackerUrl, kid: 'evil' }, attacker.privateKey),
    withHeader({ x5c: [attackerJwk.x], kid: 'evil' }, attacker.privateKey),
  ],
  'an unknown crit': () => [
    withHeader({ crit: ['urgent'], urgent: true }),
    `${base64({ ...usual, crit: [] })}.${payload}.${signature}`,
    `${base64({ ...usual, crit: ['exp'], exp: 1 })}.${payload}.${signature}`,
  ],
  'an unencoded payload: b64': () => [unencoded()],
  'an encrypted token instead of a signed one': () => [
    new CompactEncrypt(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'at+jwt', kid: jwk.kid })
      .encrypt(Buffer.from(jwk.x, 'base64url')),
  ],
  'a signature over other content': () => [
    `${header}.${base64({ ...claims, sub: crypto.randomUUID() })}.${signature}`,
    `${base64({ ...usual, more: 1 })}.${payload}.${signature}`,
    `${header}.${payload}.${signature.replace(/^..../, 'AAAA')}`,
    `${header}.${payload}.${'A'.repeat(86)}`,
  ],
};

describe('rejects an access token with', () => {
  it.each(Object.entries(ofKeys))('%s', (_, tokens) => expectRefused(tokens()));

  it('never fetches a URL named in a token', () => expect(fetched).toBe(0));
});

/** Claims that must be validated (RFC 8725 §2.7-2.8, RFC 9068 §4). */
const ofClaims: Record<string, () => (string | Promise<string>)[]> = {
  'another typ': () => ['JWT', 'rt+jwt', 'secevent+jwt', 'revocations+jwt', 'at+jw', '', 7, undefined].map((typ) => withHeader({ typ })),
  'a lifetime that is too long': () => [
    withClaims({ exp: claims.iat + 15 * 60 + 1 }),
    withClaims({ iat: now - 3_600, exp: now + 60 }),
    withClaims({ iat: -1 }),
  ],
  'an iat in the future': () => [withClaims({ iat: now + 60, exp: now + 300 })],
  'an nbf in the future': () => [withClaims({ nbf: now + 60 })],
  'numbers that are not finite': () => [
    ...['exp', 'iat', 'nbf'].map((name) => withRaw(name, '1e999')),
    ...['iat', 'nbf'].map((name) => withRaw(name, name === 'iat' ? '-1e999' : '"now"')),
  ],
  'dates beyond any calendar': () => [withClaims({ exp: 1e308 }), withClaims({ exp: Number.MAX_SAFE_INTEGER })],
  'an aud that is a list': () =>
    [[server.config.AUDIENCE], [server.config.AUDIENCE, 'another'], ['another', server.config.AUDIENCE], []].map((aud) =>
      withClaims({ aud }),
    ),
  'a wrong aud': () =>
    ['another', '', server.config.AUDIENCE.toUpperCase(), `${server.config.AUDIENCE} `, `${server.config.AUDIENCE}/x`].map((aud) =>
      withClaims({ aud }),
    ),
  'a wrong iss': () =>
    ['https://elsewhere.example', '', `${claims.iss}/`, claims.iss.toUpperCase(), [claims.iss]].map((iss) => withClaims({ iss })),
  'a payload that is not an object': () =>
    ['', '[]', 'null', '7', `"${alice.uuid}"`, '{', JSON.stringify([claims])].map((text) => signText(text)),
};
for (const name of ['iss', 'aud', 'sub', 'sid', 'jti', 'iat', 'exp']) {
  ofClaims[`a missing ${name}`] = () => [withClaims({ [name]: undefined })];
  const texts = ['iss', 'aud', 'sub', 'sid', 'jti'].includes(name);
  const wrong = texts ? [null, 7, true, {}, [claims[name]]] : [null, String(claims[name]), true, {}, [claims[name]], ''];
  ofClaims[`a wrong type of ${name}`] = () => wrong.map((value) => withClaims({ [name]: value }));
}
ofClaims['a sub or sid that is not an id'] = () =>
  ['', 'alice', `${claims.sid}'`, `${claims.sid}\n`].flatMap((value) => [withClaims({ sub: value }), withClaims({ sid: value })]);

describe('rejects a correctly signed access token with', () => {
  it.each(Object.entries(ofClaims))('%s', (_, tokens) => expectRefused(tokens()));
});

describe('the text of an access token', () => {
  it('is rejected with characters appended, inserted or removed', async () => {
    for (const text of [
      `${own}x`,
      `${own}.`,
      `${own}=`,
      `${own}.x`,
      `.${own}`,
      `${own}%0a`,
      `${own}~`,
      `${header}.${payload}`,
      `${header}..${signature}`,
      `${own}${own}`,
    ])
      expect(await raw(`Bearer ${text}`), text).toMatchObject({ status: 401, code: 'INVALID_TOKEN' });
    expect(await raw(`Bearer ${own}, Bearer ${own}`)).toMatchObject({ status: 401, code: 'INVALID_TOKEN' });
  });

  it('is rejected when it exceeds 4 KiB, even if it is signed', async () => {
    const long = await withClaims({ more: 'x'.repeat(4_096) });
    expect(await send(long)).toMatchObject({ status: 401, code: 'INVALID_TOKEN' });
  });

  it('does not affect revocation: another encoding of a revoked token is rejected too', async () => {
    const bob = await server.user();
    const text = String(bob.accessToken);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    // The last character of 64 encoded bytes carries 2 bits; the other 4 are unused.
    const otherEncoding = text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) ?? '') ^ 1];
    await send(text);
    await send(otherEncoding);
    await bob.query('mutation { logout { ended } }');
    for (const one of [text, otherEncoding]) expect((await send(one)).status).toBe(401);
  });
});
