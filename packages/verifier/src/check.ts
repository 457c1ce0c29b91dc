import { type JWTPayload, jwtVerify } from 'jose';
import type { Keys } from './keys.ts';
import type { Settings } from './options.ts';
import { VerifierError } from './verifier-error.ts';

/** What a verified access token says. Times are seconds since 1970. */
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
  /** When the user last proved who they are. */
  readonly auth_time?: number;
}

const clockTolerance = 5; // seconds that the clocks of the server and of this machine may differ
const form = /^[\w-]+\.[\w-]+\.[\w-]+$/;

const longest = 15 * 60; // seconds that an access token lives at most, whoever made it

/** Seconds for which it matters that a session has ended: the life of its last access token, and a minute for clocks that differ. */
export const kept = longest + 60;

/** Checks an access token offline. Throws ERR_TOKEN_INVALID, ERR_TOKEN_EXPIRED or, where that cannot be known yet, ERR_STALE. */
export async function checkToken(settings: Settings, keys: Keys, jwt: string): Promise<Claims> {
  const payload = await checkJwt(settings, keys, { jwt, typ: 'at+jwt', most: 4_096 });
  const { sub, sid, jti } = payload;
  const isWhole = [sub, sid, jti].every((one) => typeof one === 'string' && one !== '');
  if (!isWhole) throw new VerifierError('ERR_TOKEN_INVALID');
  return Object.freeze(payload) as unknown as Claims;
}

interface Expected {
  readonly jwt: unknown;
  readonly typ: string;
  /** Characters. */
  readonly most: number;
}

/** Checks what all that the server signs has in common (RFC 8725). jose checks neither presence nor type unless told. */
export async function checkJwt({ issuer, audience }: Settings, keys: Keys, { jwt, typ, most }: Expected): Promise<JWTPayload> {
  // jose ignores what follows the signature, so the form is checked first.
  if (typeof jwt !== 'string' || jwt.length > most || !form.test(jwt)) throw new VerifierError('ERR_TOKEN_INVALID');
  const keyOf = async ({ kid }: { kid?: string }) => {
    const key = await keys.find(kid);
    if (!key) throw new VerifierError('ERR_TOKEN_INVALID');
    return key;
  };
  const { payload } = await jwtVerify(jwt, keyOf, { algorithms: ['EdDSA'], typ, issuer }).catch((error: { code?: unknown }) => {
    if (error instanceof VerifierError) throw error;
    throw new VerifierError(error.code === 'ERR_JWT_EXPIRED' ? 'ERR_TOKEN_EXPIRED' : 'ERR_TOKEN_INVALID');
  });
  const [iat, exp] = [Number(payload.iat), Number(payload.exp)]; // no number of what is not there: it is not timely
  const isTimely = iat <= Date.now() / 1000 + clockTolerance && exp - iat <= longest;
  if (payload.aud !== audience || !isTimely) throw new VerifierError('ERR_TOKEN_INVALID');
  return payload;
}
