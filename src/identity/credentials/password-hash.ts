import { availableParallelism } from 'node:os';
import argon2 from 'argon2';
import { requestError } from '../../errors.ts';

// OWASP Password Storage: argon2id with 19 MiB, 2 passes, 1 lane (security.md F3).
const cost = { type: argon2.argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1, hashLength: 32 } as const;
const atOnce = availableParallelism(); // security.md F4, as are the next two
const mostWaiting = 64;
const longestWait = 2_000; // milliseconds

/** The password as it is hashed and compared: one normalisation, nothing else (security.md 1.3). */
export const normalizePassword = (password: string) => password.normalize('NFC');

/** The PHC string of a password. Throws UNAVAILABLE when too many are waiting. */
export const hashPassword = (password: string) => queued(() => argon2.hash(normalizePassword(password), cost));

/**
 * Whether the password is the one that `phc` was made of. Without a hash it costs the same and answers false, so that an unknown address
 * and an account without a password look like a wrong password. `weak` says that the hash is to be renewed.
 */
export async function verifyPassword(phc: string | null | undefined, password: string): Promise<{ right: boolean; weak: boolean }> {
  const matches = await queued(() => argon2.verify(phc ?? decoy, normalizePassword(password)));
  const right = matches && typeof phc === 'string';
  return { right, weak: right && argon2.needsRehash(phc, cost) };
}

/** The hash of a value that was thrown away. */
const decoy = await argon2.hash(crypto.randomUUID(), cost);

let running = 0;
const waiting: (() => void)[] = [];

/** Computes at most one hash per core at once, so that DNS, files and other requests keep their turn. */
async function queued<T>(compute: () => Promise<T>): Promise<T> {
  if (running >= atOnce) await turn();
  else running += 1;
  try {
    return await compute();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

const busy = () => requestError('UNAVAILABLE', { 'retry-after': '2' });

function turn(): Promise<void> {
  if (waiting.length >= mostWaiting) throw busy();
  return new Promise((resolve, reject) => {
    const called = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      waiting.splice(waiting.indexOf(called), 1);
      reject(busy());
    }, longestWait);
    waiting.push(called);
  });
}
