import { hash, randomUUID } from 'node:crypto';
import { jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { type Config, maxAccessTokenTtl } from '../../config.ts';
import type { Token } from '../../database/generated/prisma/client.ts';
import { requestError } from '../../errors.ts';
import { isUuid } from '../../lib/validators.ts';
import type { KeyStore } from '../keys/configured-keys.ts';
import type { Credential, ViewerResult } from '../viewer.ts';
import { signJwt } from './sign-jwt.ts';

/** The claims of a verified access token. Times are in seconds since 1970, by the clock of the database. */
export interface Claims {
  readonly sub: string;
  readonly sid: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  readonly nbf?: number;
  /** The key that signed it: once that is removed, the token is no longer valid. */
  readonly kid: string;
}

interface Signer {
  readonly config: Pick<Config, 'ACCESS_TOKEN_TTL' | 'PUBLIC_URL' | 'AUDIENCE'>;
  readonly keys: Pick<KeyStore, 'signing' | 'verifying' | 'reportUnknownKey'>;
}

/** The columns of a session that an access token is issued from, and the time of the database. */
export type IssuingSession = Pick<Token, 'id' | 'userId' | 'authenticatedAt' | 'expiresAt' | 'idleExpiresAt'> & { readonly now: Date };

/**
 * Signs an access token for a session (RFC 9068). It identifies the user and the session, and carries no permissions. It expires with the session
 * at the latest: offline verification does not see the session.
 */
export function signAccessToken({ config, keys }: Signer, session: IssuingSession) {
  const { expiresAt, idleExpiresAt, now } = session;
  const iat = toSeconds(now);
  const exp = toSeconds(new Date(Math.min(now.getTime() + config.ACCESS_TOKEN_TTL, expiresAt.getTime(), idleExpiresAt.getTime())));
  const claims = {
    iss: config.PUBLIC_URL,
    aud: config.AUDIENCE,
    sub: session.userId,
    sid: session.id,
    jti: randomUUID(),
    iat,
    exp,
    auth_time: toSeconds(session.authenticatedAt),
  };
  const accessToken = signJwt({ typ: 'at+jwt', kid: keys.signing.kid }, claims, keys.signing.key);
  return { accessToken, expiresAt: new Date(exp * 1000) };
}

const toSeconds = (date: Date) => Math.floor(date.getTime() / 1000);

/** A caller's access token and the viewer that it identifies; undefined if its session is unknown or belongs to another user. */
export type PresentedAccessToken = { readonly claims: Claims } & NonNullable<ViewerResult>;

interface Services extends Signer {
  readonly loadViewer: { load(credential: Credential): Promise<ViewerResult> };
}

/**
 * Verifies an access token and loads the session and the owner that it names; every place that accepts access tokens uses this. Throws the error that
 * rejects the request if the token itself is not valid or has expired by the time of the database; whether the session is live is the `rejection`.
 */
export async function readAccessToken(services: Services, text: string): Promise<PresentedAccessToken | undefined> {
  const claims = await verifyAccessToken(services, text);
  const result = await services.loadViewer.load({ sid: claims.sid, sub: claims.sub });
  if (!result) return undefined;
  const now = result.viewer.now.getTime() / 1000;
  if (claims.exp <= now) throw requestError('TOKEN_EXPIRED');
  if (claims.iat > now + clockTolerance || (claims.nbf ?? 0) > now) throw requestError('INVALID_TOKEN');
  return { claims, ...result };
}

// Checking the signature is the most expensive step of a small request. 10,000 entries take some 10 MB.
const cacheSize = 10_000;
const caches = new WeakMap<object, LRUCache<string, Claims>>();

/** Verifies everything about an access token except its times: its signature once, its key at every use. Throws the error that rejects the request. */
export async function verifyAccessToken(signer: Signer, text: string): Promise<Claims> {
  const cache = cacheOf(signer);
  const key = hash('sha256', text, 'base64');
  const claims = cache.get(key) ?? (await verify(signer, text));
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

const clockTolerance = 5; // seconds that the clock of a database that took over may be behind (security.md 23.10)

/** jose checks the signature, `typ` and `iss`, and the rest is checked below: that the claims exist, their types and the lifetime (security.md 5.2, LAB 11). */
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
    {
      algorithms: ['EdDSA'],
      typ: 'at+jwt',
      issuer: config.PUBLIC_URL,
      clockTolerance: Number.MAX_SAFE_INTEGER, // `readAccessToken` compares the times with those of the database
    },
  ).catch(() => {
    throw requestError('INVALID_TOKEN');
  });
  const { sub, sid, exp, iat, nbf, aud, jti } = payload;
  const isWellFormed = [sub, sid].every((id) => typeof id === 'string' && isUuid(id)) && typeof jti === 'string' && aud === config.AUDIENCE;
  const isShortLived = Number(exp) - Number(iat) <= maxAccessTokenTtl; // false also if one of them is missing
  if (!isWellFormed || !isShortLived) throw requestError('INVALID_TOKEN');
  return { sub, sid, jti, iat, exp, ...(nbf !== undefined && { nbf }), kid: protectedHeader.kid } as Claims;
}
