import { hash, randomUUID } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { type Config, maxAccessTokenTtl } from '../../config.ts';
import { requestError } from '../../errors.ts';
import { isUuid } from '../../lib/validators.ts';
import type { KeyStore } from '../keys/configured-keys.ts';

/** What a verified access token says: whose session it is and from when until when it holds. Seconds since 1970. */
export interface Claims {
  readonly sub: string;
  readonly sid: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  /** The key that signed it: when that is removed, what was verified before is not any more. */
  readonly kid: string;
}

interface Signer {
  readonly config: Pick<Config, 'ACCESS_TOKEN_TTL' | 'PUBLIC_URL' | 'AUDIENCE'>;
  readonly keys: Pick<KeyStore, 'signing' | 'verifying' | 'reportUnknownKey'>;
}

/** An access token for a session (RFC 9068): who and which session, no rights. */
export async function signAccessToken({ config, keys }: Signer, session: { id: string; userId: string; authenticatedAt: Date }) {
  const iat = Math.floor(Date.now() / 1000);
  const exp = iat + Math.floor(config.ACCESS_TOKEN_TTL / 1000);
  const accessToken = await new SignJWT({ sid: session.id, auth_time: Math.floor(session.authenticatedAt.getTime() / 1000) })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: keys.signing.kid })
    .setIssuer(config.PUBLIC_URL)
    .setAudience(config.AUDIENCE)
    .setSubject(session.userId)
    .setJti(randomUUID())
    .setIssuedAt(iat)
    .setExpirationTime(exp)
    .sign(keys.signing.key);
  return { accessToken, expiresAt: new Date(exp * 1000) };
}

// 10,000 tokens of about 1 kB bound the cache to some 10 MB; the signature is the dearest step of a small request.
const cacheSize = 10_000;
const verified = new WeakMap<object, Map<string, Claims>>();

/** Checks an access token; the signature once per token, its time at every use. Throws the refusal of the whole request. */
export async function verifyAccessToken(signer: Signer, text: string): Promise<Claims> {
  const cache = verified.get(signer.keys) ?? new Map<string, Claims>();
  verified.set(signer.keys, cache);
  const key = hash('sha256', text, 'base64');
  const claims = cache.get(key) ?? (await check(signer, text));
  if (claims.exp <= Date.now() / 1000) {
    cache.delete(key);
    throw requestError('TOKEN_EXPIRED');
  }
  if (!signer.keys.verifying.has(claims.kid)) {
    cache.delete(key);
    throw unknownKey(signer, claims.kid);
  }
  if (!cache.has(key)) remember(cache, key, claims);
  return claims;
}

function remember(cache: Map<string, Claims>, key: string, claims: Claims) {
  const [oldest] = cache.size >= cacheSize ? cache.keys() : [];
  if (oldest !== undefined) cache.delete(oldest);
  cache.set(key, claims);
}

function unknownKey({ keys }: Signer, kid: string) {
  keys.reportUnknownKey(kid);
  return requestError('INVALID_TOKEN');
}

const clockTolerance = 5; // seconds that the clocks of two nodes may differ (security.md 23.10)

/** jose checks neither presence, type nor lifetime unless told (security.md 5.2, LAB 11). */
async function check(signer: Signer, text: string): Promise<Claims> {
  const { config, keys } = signer;
  // jose ignores what follows the signature, so the form is checked first.
  if (text.length > 4_096 || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) throw requestError('INVALID_TOKEN');
  const { payload, protectedHeader } = await jwtVerify(
    text,
    ({ kid = '' }) => {
      const known = keys.verifying.get(kid);
      if (!known) throw unknownKey(signer, kid);
      return known;
    },
    { algorithms: ['EdDSA'], typ: 'at+jwt', issuer: config.PUBLIC_URL, requiredClaims: ['sub', 'exp', 'iat', 'jti', 'sid'] },
  ).catch((error: { code?: string }) => {
    throw requestError(error.code === 'ERR_JWT_EXPIRED' ? 'TOKEN_EXPIRED' : 'INVALID_TOKEN');
  });
  const { sub, sid, exp, iat, aud, jti } = payload;
  const wellFormed =
    [sub, sid].every((one) => typeof one === 'string' && isUuid(one)) && typeof jti === 'string' && aud === config.AUDIENCE;
  const timely =
    Number.isFinite(exp) && Number(iat) <= Date.now() / 1000 + clockTolerance && Number(exp) - Number(iat) <= maxAccessTokenTtl;
  if (!wellFormed || !timely) throw requestError('INVALID_TOKEN');
  return { sub, sid, jti, iat, exp, kid: protectedHeader.kid } as Claims;
}
