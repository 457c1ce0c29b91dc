import type { Claims } from './check.ts';
import type { Settings } from './options.ts';
import { bearer, parseJson, request, textOf } from './request.ts';
import { VerifierError } from './verifier-error.ts';

const most = { bytes: 64 * 1024, wait: 2_000, atOnce: 100 };

/** Asks the server whether a verified token still holds (RFC 7662). Throws ERR_TOKEN_REVOKED or ERR_INTROSPECTION_FAILED. */
export type Introspect = (jwt: string, claims: Claims) => Promise<void>;

/** A server that comes back is not met by all at once: more than a hundred questions are not asked at a time. */
export function openIntrospection(settings: Settings): Introspect {
  let underWay = 0;
  return async (jwt, claims) => {
    if (underWay >= most.atOnce) throw new VerifierError('ERR_INTROSPECTION_FAILED', 'too many at once');
    underWay += 1;
    try {
      await ask(settings, jwt, claims);
    } finally {
      underWay -= 1;
    }
  };
}

async function ask(settings: Settings, jwt: string, { sid, sub }: Claims) {
  const signal = AbortSignal.timeout(most.wait);
  const headers = { ...bearer(settings), accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' };
  const body = new URLSearchParams({ token: jwt }).toString();
  const answer = await request(settings, { path: '/oauth/introspect', headers, body, signal })
    .then((response) => textOf(response, most.bytes))
    .catch((error: VerifierError) => {
      throw new VerifierError('ERR_INTROSPECTION_FAILED', error.code);
    });
  const said = (parseJson(answer) ?? {}) as { active?: unknown; sid?: unknown; sub?: unknown };
  if (said.active === false) throw new VerifierError('ERR_TOKEN_REVOKED');
  if (said.active !== true || said.sid !== sid || said.sub !== sub) throw new VerifierError('ERR_INTROSPECTION_FAILED', 'no such answer');
}
