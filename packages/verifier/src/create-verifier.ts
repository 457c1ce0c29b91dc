import { type Claims, checkToken } from './check.ts';
import { type Duration, milliseconds } from './duration.ts';
import { follow, type State } from './follow.ts';
import { openIntrospection } from './introspect.ts';
import { openKeys } from './keys.ts';
import { createKnowledge } from './knowledge.ts';
import { type Options, readOptions } from './options.ts';
import { createRecent } from './recent.ts';
import { VerifierError } from './verifier-error.ts';

export type { Claims } from './check.ts';
export type { Duration } from './duration.ts';
export type { State } from './follow.ts';
export type { Log, Options } from './options.ts';

/** What one call asks for. */
export interface Demand {
  /** For how long revocations may be missing. `2s` unless said. */
  readonly maxStaleness?: Duration | undefined;
  /** What happens when they may be missing for longer: the server is asked, or the token is refused. `deny` unless said. */
  readonly onStale?: 'introspect' | 'deny' | undefined;
}

/** Verifies the access tokens of one server. */
export interface Verifier {
  readonly state: State;
  /** Why revocations are not followed at the moment. */
  readonly problem: VerifierError | undefined;
  /** Answers what the token says. Throws ERR_TOKEN_INVALID, ERR_TOKEN_EXPIRED, ERR_TOKEN_REVOKED, ERR_STALE, ERR_INTROSPECTION_FAILED or ERR_CLOSED. */
  verify(jwt: string, demand?: Demand): Promise<Claims>;
  /** Milliseconds since which revocations may be missing; Infinity until the first beat. */
  staleness(): number;
  /** Stops following and forgets everything. */
  close(): Promise<void>;
}

/** Starts to follow revocations. A server that is away is waited for, stale; one that refuses is an error: ERR_REFUSED, ERR_CONFIGURATION. */
export async function createVerifier(options: Options): Promise<Verifier> {
  const settings = readOptions(options);
  const closing = new AbortController();
  const verified = createRecent<Claims>(settings.cachedTokens);
  const knowledge = createKnowledge(settings.revokedSessions);
  const keys = openKeys(settings, closing.signal, verified.clear);
  const introspect = openIntrospection(settings);
  const following = follow(settings, keys, knowledge, closing.signal);

  async function verify(jwt: string, { maxStaleness = '2s', onStale = 'deny' }: Demand = {}): Promise<Claims> {
    const most = milliseconds('maxStaleness', maxStaleness);
    const claims = verified.get(jwt) ?? (await checkAnew(jwt));
    requireLive(jwt, claims);
    if (knowledge.staleness() <= most) return claims;
    if (onStale !== 'introspect') throw new VerifierError('ERR_STALE');
    await introspect(jwt, claims);
    requireLive(jwt, claims); // it may have been heard of in the meantime
    return claims;
  }

  async function checkAnew(jwt: string): Promise<Claims> {
    const { removals } = keys;
    const claims = await checkToken(settings, keys, jwt);
    if (keys.removals !== removals) return checkAnew(jwt);
    verified.set(jwt, claims);
    return claims;
  }

  function requireLive(jwt: string, { sid, exp }: Claims) {
    if (closing.signal.aborted) throw new VerifierError('ERR_CLOSED');
    if (knowledge.isRevoked(sid)) throw new VerifierError('ERR_TOKEN_REVOKED');
    if (exp > Date.now() / 1000) return;
    verified.delete(jwt);
    throw new VerifierError('ERR_TOKEN_EXPIRED');
  }

  async function close() {
    closing.abort(new VerifierError('ERR_CLOSED'));
    await following.ended;
    verified.clear();
  }

  await following.begun.catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    verify,
    staleness: knowledge.staleness,
    close,
    get state() {
      return following.state;
    },
    get problem() {
      return following.problem;
    },
  };
}
