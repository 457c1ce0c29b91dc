import { createCipheriv, createHash, createHmac, pbkdf2, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { bcryptDigest } from './bcrypt.ts';

/** The function of a foreign hash with its parameters and salt. */
export interface Derivation {
  readonly algorithm: HashAlgorithm;
  /** The fault of the parameters; undefined if they are accepted. */
  readonly fault: string | undefined;
  /** True if guessing is so fast that the digest is stored only inside argon2id. */
  readonly isFast: boolean;
  derive(password: string): Promise<string>;
}

export type HashAlgorithm = 'argon2' | 'bcrypt' | 'scrypt' | 'pbkdf2' | 'digest';

interface Family {
  readonly algorithm: HashAlgorithm;
  /** The stored form without the digest. */
  readonly header: RegExp;
  read(groups: Readonly<Record<string, string>>): Omit<Derivation, 'algorithm'>;
}

/**
 * The costs that are accepted. What costs more is rejected by an import and at a login: a hash must not take all cores or the memory of the server.
 * What costs less than argon2id as this server uses it is stored inside argon2id.
 */
const costs = {
  bcrypt: { fast: 10, max: 14 }, // the logarithm of the rounds
  scryptMemory: { fast: 16 * 2 ** 20, max: 128 * 2 ** 20 }, // bytes
  scryptWork: { max: 512 * 2 ** 20 }, // bytes of all lanes
  pbkdf2: { fast: 100_000, max: 3_000_000 }, // iterations of all blocks
  argon2Memory: { max: 256 * 2 ** 10 }, // KiB
  argon2Work: { min: 4 * 2 ** 10, max: 2 ** 20 }, // KiB of all passes
  argon2Lanes: { max: 16 },
};

const maxDigest = 64; // bytes
const minDigest = 16;
const base64 = (name: string) => `(?<${name}>[A-Za-z0-9+/]{0,128})`;

const families: readonly Family[] = [
  {
    algorithm: 'bcrypt',
    header: /^(?<salt>\$2[aby]\$(?<cost>\d\d)\$[./A-Za-z0-9]{22})$/,
    read: ({ salt = '', cost }) => ({
      fault: outside(Number(cost), 4, costs.bcrypt.max) && `must have a cost of bcrypt from 4 to ${costs.bcrypt.max}`,
      isFast: Number(cost) < costs.bcrypt.fast,
      derive: (password) => bcryptDigest({ password, salt }),
    }),
  },
  {
    algorithm: 'pbkdf2',
    header: new RegExp(`^\\$pbkdf2-(?<digest>sha1|sha256|sha512)\\$i=(?<rounds>\\d{1,10}),l=(?<length>\\d{1,3})\\$${base64('salt')}$`),
    read({ digest = '', rounds, length, salt = '' }) {
      const blocks = Math.ceil(Number(length) / createHash(digest).digest().length);
      const work = Number(rounds) * blocks;
      return {
        fault:
          digestFault(length) ??
          (outside(work, 1, costs.pbkdf2.max) &&
            `must have at most ${costs.pbkdf2.max} iterations of PBKDF2, for all blocks of the digest`),
        isFast: Number(rounds) < costs.pbkdf2.fast,
        derive: async (password) => encode(await pbkdf2Key(password, decode(salt), Number(rounds), Number(length), digest)),
      };
    },
  },
  {
    algorithm: 'scrypt',
    header: new RegExp(
      `^\\$(?<kind>scrypt|fbscrypt)\\$ln=(?<log>\\d{1,2}),r=(?<r>\\d{1,4}),p=(?<p>\\d{1,4}),l=(?<length>\\d{1,3})\\$${base64('salt')}$`,
    ),
    read({ kind, log, r, p, length, salt = '' }) {
      const cost = { N: 2 ** Number(log), r: Number(r), p: Number(p) };
      const memory = 128 * cost.N * cost.r;
      const isExcessive = outside(memory, 1, costs.scryptMemory.max) || outside(memory * cost.p, 1, costs.scryptWork.max) || log === '0';
      const options = { ...cost, maxmem: 2 * memory + 2 ** 20 };
      return {
        fault:
          digestFault(length) ??
          (isExcessive
            ? `must use at most ${costs.scryptMemory.max / 2 ** 20} MiB of memory with scrypt, and ${costs.scryptWork.max / 2 ** 20} MiB in all lanes`
            : undefined),
        isFast: memory * cost.p < costs.scryptMemory.fast,
        async derive(password) {
          if (kind === 'scrypt') return encode(await scryptKey(password, decode(salt), Number(length), options));
          // Firebase encrypts a key of the project with the derived key. Stored is the key stream, without that key.
          const cipher = createCipheriv('aes-256-ctr', await scryptKey(password, decode(salt), 32, options), Buffer.alloc(16));
          return encode(cipher.update(Buffer.alloc(Number(length))));
        },
      };
    },
  },
  {
    algorithm: 'digest',
    header: new RegExp(`^\\$(?<digest>md5|sha1|sha256|sha512)\\$m=(?<mode>prefix|suffix|hmac)\\$${base64('salt')}$`),
    read: ({ digest = '', mode, salt: encoded = '' }) => ({
      fault: undefined,
      isFast: true,
      async derive(password) {
        const salt = decode(encoded);
        if (mode === 'hmac') return encode(createHmac(digest, salt).update(password).digest());
        const parts = mode === 'prefix' ? [salt, password] : [password, salt];
        const hash = createHash(digest);
        for (const part of parts) hash.update(part);
        return encode(hash.digest());
      },
    }),
  },
];

/** Reads the stored form of a foreign hash without its digest. Undefined if no format has it. */
export function readDerivation(header: string): Derivation | undefined {
  for (const { algorithm, header: pattern, read } of families) {
    const groups = pattern.exec(header)?.groups;
    if (groups) return { algorithm, ...read(groups as Record<string, string>) };
  }
  return undefined;
}

const argon2 =
  /^\$argon2(?:id|i|d)\$(?:v=(?:16|19)\$)?(?=[^$]*m=(?<m>\d{1,10}))(?=[^$]*t=(?<t>\d{1,10}))(?=[^$]*p=(?<p>\d{1,10}))[mtp]=\d+(?:,[mtp]=\d+){2}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}$/;

/** The fault of the parameters of an argon2 hash; undefined if they are accepted, null if it is not such a hash. */
export function argon2Fault(phc: string): string | null | undefined {
  const groups = argon2.exec(phc)?.groups;
  if (!groups) return null;
  const [m, t, p] = [Number(groups.m), Number(groups.t), Number(groups.p)];
  const isExcessive = m > costs.argon2Memory.max || m * t > costs.argon2Work.max || p > costs.argon2Lanes.max;
  if (isExcessive)
    return `must use at most ${costs.argon2Memory.max / 1_024} MiB of memory with argon2, ${costs.argon2Work.max / 1_024} MiB in all passes, and ${costs.argon2Lanes.max} lanes`;
  return t < 1 || p < 1 || m < 8 * p ? 'must have possible parameters of argon2' : undefined;
}

/** True if guessing at the argon2 hash is fast. */
export function isFastArgon2(phc: string): boolean {
  const { m, t } = argon2.exec(phc)?.groups ?? {};
  return Number(m) * Number(t) < costs.argon2Work.min;
}

export const encode = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
const decode = (text: string) => Buffer.from(text, 'base64');

const outside = (value: number, min: number, max: number): true | undefined => (value < min || value > max ? true : undefined);

const digestFault = (length: string | undefined) =>
  outside(Number(length), minDigest, maxDigest) && `must have a digest of ${minDigest} to ${maxDigest} bytes`;

const pbkdf2Key = promisify(pbkdf2);
const scryptKey = promisify(
  (password: string, salt: Buffer, length: number, options: object, done: (error: Error | null, key: Buffer) => void) =>
    scrypt(password, salt, length, options, done),
);
