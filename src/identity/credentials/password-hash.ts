import { availableParallelism } from 'node:os';
import { currentWorkload } from '../../database/workload.ts';
import { requestError } from '../../errors.ts';
import { FairGate } from '../../lib/fair-gate.ts';
import { passwordHashDuration } from '../../metrics.ts';
import type { HashAlgorithm } from './foreign-hashes/derivations.ts';
import { readForeignHash } from './foreign-hashes/foreign-hash.ts';

// OWASP Password Storage: argon2id with 19 MiB, 2 passes, 1 lane (security.md F3).
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const tagLength = 32; // bytes

/** A PHC string with these parameters in the order of the reference implementation, with a salt of 16 bytes. */
const current = new RegExp(
  `^\\$argon2id\\$v=19\\$m=${parameters.memoryCost},t=${parameters.timeCost},p=${parameters.parallelism}\\$[A-Za-z0-9+/]{22}\\$[A-Za-z0-9+/]{43}$`,
);

interface Argon2 {
  readonly library: '@node-rs/argon2' | 'argon2';
  hash(password: string): Promise<string>;
  verify(phc: string, password: string): Promise<boolean>;
}

// The native library takes half as long, but has no binary for some platforms and none after `npm ci --omit=optional` (docs/decisions/0034).
const argon2: Argon2 = await loadNativeArgon2().catch(loadPortableArgon2);

/** The package that hashes passwords. */
export const hashLibrary = argon2.library;

const busy = () => requestError('UNAVAILABLE', { 'retry-after': '2' });

// One hash per core. Of those that wait, the users and networks take turns: a flood from one network delays and displaces only itself
// (security.md F4).
const gate = new FairGate({ capacity: availableParallelism(), maxWaiting: 64, busy });
const maxWait = 2_000; // milliseconds

/** The hashes that are being computed or wait. */
export const hashLoad = () => gate.load(0);

/** The form of a password that is hashed and compared (security.md 1.3). */
export const normalizePassword = (password: string) => password.normalize('NFC');

/** Hashes a password to a PHC string. Throws UNAVAILABLE if too many hashes are waiting. */
export const hashPassword = (password: string) => limitConcurrency('argon2', () => argon2.hash(normalizePassword(password)));

/** The inputs of a verification in addition to the hash and the password. */
interface VerifyOptions {
  /** The setting FLASK_SECURITY_PASSWORD_SALT. */
  readonly flaskSalt?: string | undefined;
  /** The hash that is verified, without a result, if there is none, or none that can be verified. Defaults to a current one. */
  readonly decoy?: string | undefined;
}

/**
 * Verifies a password. Without a hash, or with one that cannot be read or costs too much, it does the work of the decoy and returns false, so that an
 * unknown address and an account without a password look like a wrong password. `needsRehash` is true if the hash is foreign, has other parameters
 * than new ones, or another order.
 */
export async function verifyPassword(
  hash: string | null | undefined,
  password: string,
  { flaskSalt, decoy = dummyHash }: VerifyOptions = {},
): Promise<{ valid: boolean; needsRehash: boolean }> {
  const stored = hash == null ? undefined : readForeignHash(hash);
  const read = stored ?? readForeignHash(decoy) ?? readForeignHash(dummyHash);
  if (!read) throw new Error('the decoy is not a hash');
  const matches = await limitConcurrency(read.algorithm, () => read.verify(normalizePassword(password), flaskSalt, argon2.verify));
  const valid = matches && stored !== undefined;
  return { valid, needsRehash: valid && !current.test(hash ?? '') };
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

/** Throws UNAVAILABLE at once if too many hashes are waiting, and after 2 s if the hash did not get its turn. */
async function limitConcurrency<T>(algorithm: HashAlgorithm, compute: () => Promise<T>): Promise<T> {
  const { kind, party = kind } = currentWorkload();
  const release = await gate.enter({ rank: 0, limits: [], party, maxWait });
  const recordDuration = passwordHashDuration.startTimer({ algorithm });
  return compute().finally(() => {
    recordDuration();
    release();
  });
}
