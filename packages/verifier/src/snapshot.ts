import { checkJwt, rememberFor } from './check-token.ts';
import type { KeySet } from './key-set.ts';
import type { Settings } from './options.ts';
import { bearerHeader, readText, request } from './request.ts';
import { VerifierError } from './verifier-error.ts';

export interface Snapshot {
  /** Where the stream continues. */
  readonly cursor: string;
  /** The revoked sessions, oldest first, with the milliseconds since their revocation. */
  readonly revoked: readonly { readonly sid: string; readonly age: number }[];
}

const timeout = 30_000; // milliseconds; a million sessions are about 70 MB
const baseBytes = 64 * 1024;
const bytesPerSession = 100; // upper bound for an id, ten digits, brackets and commas as base64url of JSON

/** Reads all revoked sessions that still matter. Throws ERR_SNAPSHOT_INVALID, ERR_REFUSED or ERR_UNREACHABLE. */
export async function readSnapshot(settings: Settings, keys: KeySet, closing: AbortSignal): Promise<Snapshot> {
  const signal = AbortSignal.any([closing, AbortSignal.timeout(timeout)]);
  const headers = { ...bearerHeader(settings), accept: 'application/jwt' };
  const maxLength = baseBytes + bytesPerSession * settings.revokedSessions;
  const response = await request(settings, { path: '/revocations/snapshot', headers, signal });
  const jwt = (await readText(response, maxLength)).trim();
  const payload = await checkJwt(settings, keys, { jwt, typ: 'revocations+jwt', maxLength }).catch(() => {
    throw new VerifierError('ERR_SNAPSHOT_INVALID');
  });
  const { iat, cursor, lifetime, revoked } = payload;
  const isComplete = typeof cursor === 'string' && cursor !== '' && Number(lifetime) >= 1 && Number(lifetime) <= rememberFor;
  if (!isComplete || !Array.isArray(revoked) || !revoked.every(isPair)) throw new VerifierError('ERR_SNAPSHOT_INVALID');
  // Ages are computed from the server's clock only: the clock of this machine may be off.
  const sessions = revoked.map(([sid, second]) => ({ sid, age: Math.max(0, Number(iat) - second) * 1_000 }));
  return { cursor, revoked: sessions.sort((a, b) => b.age - a.age) };
}

function isPair(item: unknown): item is [sid: string, second: number] {
  return Array.isArray(item) && typeof item[0] === 'string' && Number.isFinite(item[1]);
}
