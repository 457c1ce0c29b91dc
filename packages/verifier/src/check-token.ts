import { type JWTPayload, jwtVerify } from 'jose';
import type { KeySet } from './key-set.ts';
import type { Settings } from './options.ts';
import { VerifierError } from './verifier-error.ts';

/** The claims of a verified access token. Times are seconds since 1970. */
export interface Claims {
  readonly iss: string;
  readonly aud: string;
  /** The id of the user. */
  readonly sub: string;
  /** The id of the session. */
  readonly sid: string;
  readonly jti: string;
  readonly iat: number;
  readonly exp: number;
  /** The time of the user's last authentication with a password. */
  readonly auth_time?: number;
}

const clockTolerance = 5; // seconds between the clock of the server and the clock of this machine
const compactJwt = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const maxLifetime = 15 * 60; // seconds; the server's maximum for access tokens

/** Seconds for which a revoked session has to be remembered: the lifetime of its last access token, and a minute for clock differences. */
export const rememberFor = maxLifetime + 60;

/** Checks an access token offline. Throws ERR_TOKEN_INVALID, ERR_TOKEN_EXPIRED or, if no keys are known yet, ERR_STALE. */
export async function checkToken(settings: Settings, keys: KeySet, jwt: string): Promise<Claims> {
  const payload = await checkJwt(settings, keys, { jwt, typ: 'at+jwt', maxLength: 4_096 });
  const { sub, sid, jti } = payload;
  const isComplete = [sub, sid, jti].every((claim) => typeof claim === 'string' && claim !== '');
  if (!isComplete) throw new VerifierError('ERR_TOKEN_INVALID');
  return Object.freeze(payload) as unknown as Claims;
}

interface Expected {
  readonly jwt: unknown;
  readonly typ: string;
  /** Characters. */
  readonly maxLength: number;
}

/** Checks what everything signed by the server has in common (RFC 8725). By default jose checks neither presence nor type. */
export async function checkJwt({ issuer, audience }: Settings, keys: KeySet, { jwt, typ, maxLength }: Expected): Promise<JWTPayload> {
  // jose ignores what follows the signature, so the format is checked first.
  if (typeof jwt !== 'string' || jwt.length > maxLength || !compactJwt.test(jwt)) throw new VerifierError('ERR_TOKEN_INVALID');
  const keyOf = async ({ kid }: { kid?: string }) => {
    const key = await keys.find(kid);
    if (!key) throw new VerifierError('ERR_TOKEN_INVALID');
    return key;
  };
  const { payload } = await jwtVerify(jwt, keyOf, { algorithms: ['EdDSA'], typ, issuer }).catch((error: { code?: unknown }) => {
    if (error instanceof VerifierError) throw error;
    throw new VerifierError(error.code === 'ERR_JWT_EXPIRED' ? 'ERR_TOKEN_EXPIRED' : 'ERR_TOKEN_INVALID');
  });
  const [iat, exp] = [Number(payload.iat), Number(payload.exp)]; // NaN if missing, which fails both comparisons
  const isTimely = iat <= Date.now() / 1000 + clockTolerance && exp - iat <= maxLifetime;
  if (payload.aud !== audience || !isTimely) throw new VerifierError('ERR_TOKEN_INVALID');
  return payload;
}
