import { availableParallelism } from 'node:os';
import argon2 from 'argon2';
import PQueue from 'p-queue';
import { requestError } from '../../errors.ts';

// OWASP Password Storage: argon2id with 19 MiB, 2 passes, 1 lane (security.md F3).
const parameters = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1, hashLength: 32 } as const;

// One hash per core, so that DNS, files and other requests are still served (security.md F4).
const queue = new PQueue({ concurrency: availableParallelism() });
const maxQueued = 64;
const maxWait = 2_000; // milliseconds

/** The form of a password that is hashed and compared (security.md 1.3). */
export const normalizePassword = (password: string) => password.normalize('NFC');

/** Hashes a password to a PHC string. Throws UNAVAILABLE if too many hashes are queued. */
export const hashPassword = (password: string) => limitConcurrency(() => argon2.hash(normalizePassword(password), parameters));

/**
 * Verifies a password. Without a hash it takes as long and returns false, so that an unknown address and an account without a password look like a
 * wrong password. `needsRehash` is true if the hash was made with older parameters.
 */
export async function verifyPassword(phc: string | null | undefined, password: string): Promise<{ valid: boolean; needsRehash: boolean }> {
  const matches = await limitConcurrency(() => argon2.verify(phc ?? dummyHash, normalizePassword(password)));
  const valid = matches && typeof phc === 'string';
  return { valid, needsRehash: valid && argon2.needsRehash(phc, parameters) };
}

const dummyHash = await argon2.hash(crypto.randomUUID(), parameters);

/** Throws UNAVAILABLE if the queue is full, or if the task does not start in time. */
async function limitConcurrency<T>(compute: () => Promise<T>): Promise<T> {
  if (queue.size >= maxQueued) throw busy();
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(busy()), maxWait);
  const start = () => {
    clearTimeout(timer);
    return compute();
  };
  return queue.add(start, { signal: waiting.signal });
}

const busy = () => requestError('UNAVAILABLE', { 'retry-after': '2' });
