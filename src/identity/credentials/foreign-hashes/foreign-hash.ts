import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { argon2Fault, type HashAlgorithm, readDerivation } from './derivations.ts';

/** The forms in which some systems hash a password, by the prefix of the stored hash. */
const preparations = {
  /** Flask-Security: base64 of an HMAC with SECURITY_PASSWORD_SALT, which is not stored, over the form NFKD. */
  'flask-security': (password: string, flaskSalt: string) =>
    createHmac('sha512', flaskSalt).update(password.normalize('NFKD')).digest('base64'),
  /** bcrypt_sha256 of Django, against the limit of 72 bytes. */
  'sha256-hex': (password: string) => createHash('sha256').update(password).digest('hex'),
  /** better-auth. */
  nfkc: (password: string) => password.normalize('NFKC'),
} as const;

type Preparation = keyof typeof preparations;

/** A stored hash of another system, or an argon2 hash with other parameters. */
export interface ForeignHash {
  readonly algorithm: HashAlgorithm;
  /** `flaskSalt` is the setting FLASK_SECURITY_PASSWORD_SALT, `verifyArgon2` of the library that is in use. */
  verify(password: string, flaskSalt: string | undefined, verifyArgon2: VerifyArgon2): Promise<boolean>;
}

type VerifyArgon2 = (phc: string, password: string) => Promise<boolean>;

const prepared = new RegExp(`^(?<preparation>\\$(?:${Object.keys(preparations).join('|')}))(?=\\$)`);
const bcryptDigestLength = 31;

/** A hash without what precedes it if the password is prepared. */
export function splitPreparation(text: string): { preparation: string; rest: string } {
  const preparation = prepared.exec(text)?.[0] ?? '';
  return { preparation, rest: text.slice(preparation.length) };
}

/** Reads the content of `Password.hash`. Undefined if it has no known format, or parameters that cost too much (security.md 1.12). */
export function readForeignHash(text: string): ForeignHash | undefined {
  const { preparation, rest } = splitPreparation(text);
  const prepare = preparations[preparation.slice(1) as Preparation];
  const read = readHash(rest);
  if (!read) return undefined;
  return {
    algorithm: read.algorithm,
    async verify(password, flaskSalt, verifyArgon2) {
      // Without the setting the work is the same, with a result that nothing matches.
      const isMissing = preparation === '$flask-security' && flaskSalt === undefined;
      const matches = await read.verify(prepare ? prepare(password, flaskSalt ?? '') : password, verifyArgon2);
      return matches && !isMissing;
    },
  };
}

function readHash(
  hash: string,
): { algorithm: HashAlgorithm; verify(password: string, verifyArgon2: VerifyArgon2): Promise<boolean> } | undefined {
  if (argon2Fault(hash) === undefined) return { algorithm: 'argon2', verify: (password, verifyArgon2) => verifyArgon2(hash, password) };
  const { header, digest, outer } = splitHash(hash);
  const derivation = readDerivation(header);
  if (!derivation || derivation.fault || (outer !== undefined && argon2Fault(outer) !== undefined)) return undefined;
  return {
    algorithm: derivation.algorithm,
    async verify(password, verifyArgon2) {
      const derived = await derivation.derive(password);
      return outer === undefined ? isEqual(derived, digest) : verifyArgon2(outer, derived);
    },
  };
}

/** The header and the digest, or the argon2id hash of the digest. */
export function splitHash(hash: string): { header: string; digest: string; outer?: string } {
  const outerAt = hash.lastIndexOf('$argon2id$');
  if (outerAt > 0) return { header: hash.slice(0, outerAt), digest: '', outer: hash.slice(outerAt) };
  if (/^\$2[aby]\$/.test(hash)) return { header: hash.slice(0, -bcryptDigestLength), digest: hash.slice(-bcryptDigestLength) };
  const digestAt = hash.lastIndexOf('$');
  return { header: hash.slice(0, digestAt), digest: hash.slice(digestAt + 1) };
}

const isEqual = (one: string, other: string) => one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
