import { type Claims, checkToken } from './check-token.ts';
import { type Duration, milliseconds } from './duration.ts';
import { followRevocations, type State } from './follow-revocations.ts';
import { createIntrospection } from './introspect.ts';
import { createKeySet } from './key-set.ts';
import { type Options, readOptions } from './options.ts';
import { createRevokedSessions } from './revoked-sessions.ts';
import { createTokenCache } from './token-cache.ts';
import { VerifierError } from './verifier-error.ts';

export type { Claims } from './check-token.ts';
export type { Duration } from './duration.ts';
export type { State } from './follow-revocations.ts';
export type { Log, Options } from './options.ts';

/** Options of one call of `verify`. */
export interface VerifyOptions {
  /** For how long revocations may be missing. Defaults to `2s`. */
  readonly maxStaleness?: Duration | undefined;
  /** What happens if they may be missing for longer: `introspect` calls the server, `deny` rejects the token. Defaults to `deny`. */
  readonly onStale?: 'introspect' | 'deny' | undefined;
}

/** Verifies the access tokens of one server. */
export interface Verifier {
  readonly state: State;
  /** Why revocations are not followed at the moment. */
  readonly problem: VerifierError | undefined;
  /**
   * Verifies an access token and returns its claims. Throws ERR_TOKEN_INVALID, ERR_TOKEN_EXPIRED, ERR_TOKEN_REVOKED, ERR_STALE,
   * ERR_INTROSPECTION_FAILED or ERR_CLOSED.
   */
  verify(jwt: string, options?: VerifyOptions): Promise<Claims>;
  /** Milliseconds since which revocations may be missing; Infinity until the first heartbeat. */
  staleness(): number;
  /** Disconnects and clears all caches. */
  close(): Promise<void>;
}

/**
 * Creates a verifier and starts to follow revocations. If the server is unreachable, the verifier is stale and keeps trying. Throws ERR_REFUSED if
 * the server rejects the API token, and ERR_CONFIGURATION for an invalid option.
 */
export async function createVerifier(options: Options): Promise<Verifier> {
  const settings = readOptions(options);
  const closing = new AbortController();
  const verified = createTokenCache<Claims>(settings.cachedTokens);
  const revoked = createRevokedSessions(settings.revokedSessions);
  const keys = createKeySet(settings, closing.signal, verified.clear);
  const introspect = createIntrospection(settings);
  const following = followRevocations(settings, keys, revoked, closing.signal);

  async function verify(jwt: string, { maxStaleness = '2s', onStale = 'deny' }: VerifyOptions = {}): Promise<Claims> {
    const maxAge = milliseconds('maxStaleness', maxStaleness);
    const claims = verified.get(jwt) ?? (await checkAndCache(jwt));
    requireValid(jwt, claims);
    if (revoked.staleness() <= maxAge) return claims;
    if (onStale !== 'introspect') throw new VerifierError('ERR_STALE');
    await introspect(jwt, claims);
    requireValid(jwt, claims); // a revocation may have arrived in the meantime
    return claims;
  }

  async function checkAndCache(jwt: string): Promise<Claims> {
    const { removals } = keys;
    const claims = await checkToken(settings, keys, jwt);
    if (keys.removals !== removals) return checkAndCache(jwt); // the key may have been removed during the check
    verified.set(jwt, claims);
    return claims;
  }

  function requireValid(jwt: string, { sid, exp }: Claims) {
    if (closing.signal.aborted) throw new VerifierError('ERR_CLOSED');
    if (revoked.has(sid)) throw new VerifierError('ERR_TOKEN_REVOKED');
    if (exp > Date.now() / 1000) return;
    verified.delete(jwt);
    throw new VerifierError('ERR_TOKEN_EXPIRED');
  }

  async function close() {
    closing.abort(new VerifierError('ERR_CLOSED'));
    await following.ended;
    verified.clear();
  }

  await following.started.catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    verify,
    staleness: revoked.staleness,
    close,
    get state() {
      return following.state;
    },
    get problem() {
      return following.problem;
    },
  };
}
