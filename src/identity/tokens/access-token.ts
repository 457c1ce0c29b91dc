import { hash, randomUUID } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import { type Config, maxAccessTokenTtl } from '../../config.ts';
import { requestError } from '../../errors.ts';
import { isUuid } from '../../lib/validators.ts';
import type { KeyStore } from '../keys/configured-keys.ts';

/** The claims of a verified access token. Times are in seconds since 1970. */
export interface Claims {
  readonly sub: string;
  readonly sid: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  /** The key that signed it: once that is removed, the token is no longer valid. */
  readonly kid: string;
}

interface Signer {
  readonly config: Pick<Config, 'ACCESS_TOKEN_TTL' | 'PUBLIC_URL' | 'AUDIENCE'>;
  readonly keys: Pick<KeyStore, 'signing' | 'verifying' | 'reportUnknownKey'>;
}

/** Signs an access token for a session (RFC 9068). It identifies the user and the session, and carries no permissions. */
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

// Checking the signature is the most expensive step of a small request. 10,000 entries take some 10 MB.
const cacheSize = 10_000;
const caches = new WeakMap<object, LRUCache<string, Claims>>();

/** Verifies an access token: its signature once, its expiry and its key at every use. Throws the error that rejects the request. */
export async function verifyAccessToken(signer: Signer, text: string): Promise<Claims> {
  const cache = cacheOf(signer);
  const key = hash('sha256', text, 'base64');
  const claims = cache.get(key) ?? (await verify(signer, text));
  if (claims.exp <= Date.now() / 1000) {
    cache.delete(key);
    throw requestError('TOKEN_EXPIRED');
  }
  if (!signer.keys.verifying.has(claims.kid)) {
    cache.delete(key);
    throw unknownKey(signer, claims.kid);
  }
  if (!cache.has(key)) cache.set(key, claims);
  return claims;
}

function cacheOf({ keys }: Signer): LRUCache<string, Claims> {
  const cache = caches.get(keys) ?? new LRUCache<string, Claims>({ max: cacheSize });
  caches.set(keys, cache);
  return cache;
}

function unknownKey({ keys }: Signer, kid: string) {
  keys.reportUnknownKey(kid);
  return requestError('INVALID_TOKEN');
}

const clockTolerance = 5; // seconds between the clocks of two nodes (security.md 23.10)

/** By default, jose requires no claims and checks neither their types nor the lifetime (security.md 5.2, LAB 11). */
async function verify(signer: Signer, text: string): Promise<Claims> {
  const { config, keys } = signer;
  // jose ignores text after the signature.
  if (text.length > 4_096 || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) throw requestError('INVALID_TOKEN');
  const { payload, protectedHeader } = await jwtVerify(
    text,
    ({ kid = '' }) => {
      const key = keys.verifying.get(kid);
      if (!key) throw unknownKey(signer, kid);
      return key;
    },
    { algorithms: ['EdDSA'], typ: 'at+jwt', issuer: config.PUBLIC_URL, requiredClaims: ['sub', 'exp', 'iat', 'jti', 'sid'] },
  ).catch((error: { code?: string }) => {
    throw requestError(error.code === 'ERR_JWT_EXPIRED' ? 'TOKEN_EXPIRED' : 'INVALID_TOKEN');
  });
  const { sub, sid, exp, iat, aud, jti } = payload;
  const isWellFormed = [sub, sid].every((id) => typeof id === 'string' && isUuid(id)) && typeof jti === 'string' && aud === config.AUDIENCE;
  const hasValidTimes =
    Number.isFinite(exp) && Number(iat) <= Date.now() / 1000 + clockTolerance && Number(exp) - Number(iat) <= maxAccessTokenTtl;
  if (!isWellFormed || !hasValidTimes) throw requestError('INVALID_TOKEN');
  return { sub, sid, jti, iat, exp, kid: protectedHeader.kid } as Claims;
}
