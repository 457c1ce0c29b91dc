import type { Claims } from './check-token.ts';
import type { Settings } from './options.ts';
import { bearerHeader, parseJson, readText, request } from './request.ts';
import { VerifierError } from './verifier-error.ts';

const maxBytes = 64 * 1024;
const timeout = 2_000; // milliseconds
const maxConcurrent = 100;

/** Asks the server whether a verified token is still valid (RFC 7662). Throws ERR_TOKEN_REVOKED or ERR_INTROSPECTION_FAILED. */
export type Introspect = (jwt: string, claims: Claims) => Promise<void>;

/** Limits concurrent introspections, so that a server that comes back is not overloaded by all callers at once. */
export function createIntrospection(settings: Settings): Introspect {
  let running = 0;
  return async (jwt, claims) => {
    if (running >= maxConcurrent) throw new VerifierError('ERR_INTROSPECTION_FAILED', 'too many at once');
    running += 1;
    try {
      await introspect(settings, jwt, claims);
    } finally {
      running -= 1;
    }
  };
}

async function introspect(settings: Settings, jwt: string, { sid, sub }: Claims) {
  const signal = AbortSignal.timeout(timeout);
  const headers = { ...bearerHeader(settings), accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
  const body = new URLSearchParams({ token: jwt }).toString();
  const text = await request(settings, { path: '/oauth/introspect', headers, body, signal })
    .then((response) => readText(response, maxBytes))
    .catch((error: VerifierError) => {
      throw new VerifierError('ERR_INTROSPECTION_FAILED', error.code);
    });
  const result = (parseJson(text) ?? {}) as { active?: unknown; sid?: unknown; sub?: unknown };
  if (result.active === false) throw new VerifierError('ERR_TOKEN_REVOKED');
  if (result.active !== true || result.sid !== sid || result.sub !== sub)
    throw new VerifierError('ERR_INTROSPECTION_FAILED', 'unexpected response');
}
