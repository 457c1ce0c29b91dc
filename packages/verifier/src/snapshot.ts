import { checkJwt, kept } from './check.ts';
import type { Keys } from './keys.ts';
import type { Settings } from './options.ts';
import { bearer, request, textOf } from './request.ts';
import { VerifierError } from './verifier-error.ts';

export interface Snapshot {
  /** Where to follow from. */
  readonly cursor: string;
  /** The sessions that ended, the longest ago first, and how many milliseconds ago. */
  readonly revoked: readonly (readonly [sid: string, ago: number])[];
}

const wait = 30_000; // milliseconds; a million sessions are some 70 MB
const mostBytes = 64 * 1024;
const bytesOfEach = 100; // two thirds of it as JSON: a sid, ten digits, brackets and commas

/** All that ended and still matters. Throws ERR_SNAPSHOT_INVALID, ERR_REFUSED or ERR_UNREACHABLE. */
export async function takeSnapshot(settings: Settings, keys: Keys, closing: AbortSignal): Promise<Snapshot> {
  const signal = AbortSignal.any([closing, AbortSignal.timeout(wait)]);
  const headers = { ...bearer(settings), accept: 'application/jwt' };
  const most = mostBytes + bytesOfEach * settings.revokedSessions;
  const response = await request(settings, { path: '/revocations/snapshot', headers, signal });
  const jwt = (await textOf(response, most)).trim();
  const payload = await checkJwt(settings, keys, { jwt, typ: 'revocations+jwt', most }).catch(() => {
    throw new VerifierError('ERR_SNAPSHOT_INVALID');
  });
  const { iat, cursor, lifetime, revoked } = payload;
  const isWhole = typeof cursor === 'string' && cursor !== '' && Number(lifetime) >= 1 && Number(lifetime) <= kept;
  if (!isWhole || !Array.isArray(revoked) || !revoked.every(isPair)) throw new VerifierError('ERR_SNAPSHOT_INVALID');
  // By the server's clock alone: this machine's may be off.
  const aged = revoked.map(([sid, second]) => [sid, Math.max(0, Number(iat) - second) * 1_000] as const);
  return { cursor, revoked: aged.sort(([, a], [, b]) => b - a) };
}

function isPair(one: unknown): one is [string, number] {
  return Array.isArray(one) && typeof one[0] === 'string' && Number.isFinite(one[1]);
}
