import { availableParallelism } from 'node:os';
import PQueue from 'p-queue';
import { requestError } from '../../errors.ts';

// OWASP Password Storage: argon2id with 19 MiB, 2 passes, 1 lane (security.md F3).
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const tagLength = 32; // bytes

/** A PHC string with these parameters in the order of the reference implementation, with a salt of 16 bytes. */
const current = new RegExp(
  `^\\$argon2id\\$v=19\\$m=${parameters.memoryCost},t=${parameters.timeCost},p=${parameters.parallelism}\\$[A-Za-z0-9+/]{22}\\$[A-Za-z0-9+/]{43}$`,
);

/** Any PHC string of argon2. Both libraries accept the parameters in any order; without `v` it is version 16. */
const readable = /^\$argon2(?:id|i|d)\$(?:v=(?:16|19)\$)?[mtp]=\d+(?:,[mtp]=\d+){2}\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{16,86}$/;

interface Argon2 {
  readonly library: '@node-rs/argon2' | 'argon2';
  hash(password: string): Promise<string>;
  verify(phc: string, password: string): Promise<boolean>;
}

// The native library takes half as long, but has no binary for some platforms and none after `npm ci --omit=optional` (docs/decisions/0034).
const argon2: Argon2 = await loadNativeArgon2().catch(loadPortableArgon2);

/** The package that hashes passwords. */
export const hashLibrary = argon2.library;

// One hash per core, so that DNS, files and other requests are still served (security.md F4).
const queue = new PQueue({ concurrency: availableParallelism() });
const maxQueued = 64;
const maxWait = 2_000; // milliseconds

/** The form of a password that is hashed and compared (security.md 1.3). */
export const normalizePassword = (password: string) => password.normalize('NFC');

/** Hashes a password to a PHC string. Throws UNAVAILABLE if too many hashes are queued. */
export const hashPassword = (password: string) => limitConcurrency(() => argon2.hash(normalizePassword(password)));

/**
 * Verifies a password. Without a hash, or with one that is not of argon2, it takes as long and returns false, so that an unknown address and an
 * account without a password look like a wrong password. `needsRehash` is true if the hash has other parameters than new ones, or another order.
 */
export async function verifyPassword(phc: string | null | undefined, password: string): Promise<{ valid: boolean; needsRehash: boolean }> {
  const stored = phc != null && readable.test(phc) ? phc : undefined;
  const matches = await limitConcurrency(() => argon2.verify(stored ?? dummyHash, normalizePassword(password)));
  const valid = matches && stored !== undefined;
  return { valid, needsRehash: valid && !current.test(stored) };
}

const dummyHash = await argon2.hash(crypto.randomUUID());

async function loadNativeArgon2(): Promise<Argon2> {
  const { hash, verify } = await import('@node-rs/argon2');
  return {
    library: '@node-rs/argon2',
    hash: (password) => hash(password, { ...parameters, outputLen: tagLength }), // argon2id, version 19
    verify: (phc, password) => verify(phc, password),
  };
}

async function loadPortableArgon2(): Promise<Argon2> {
  const { default: library } = await import('argon2');
  return {
    library: 'argon2',
    // This library writes `m,p,t`, which other implementations reject.
    hash: async (password) => {
      const phc = await library.hash(password, { ...parameters, type: library.argon2id, hashLength: tagLength });
      return phc.replace(/\$(m=\d+),(p=\d+),(t=\d+)\$/, '$$$1,$3,$2$$');
    },
    verify: (phc, password) => library.verify(phc, password),
  };
}

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
