import { argon2Fault, encode, isFastArgon2, readDerivation } from './derivations.ts';
import { splitHash, splitPreparation } from './foreign-hash.ts';

/** How a system writes its hashes, and the form in which they are stored. */
interface Spelling {
  readonly pattern: RegExp;
  toStored(groups: Readonly<Record<string, string>>): string;
}

const digestLengths = { md5: 16, sha1: 20, sha256: 32, sha512: 64 } as const;
const bcrypt = '(?<hash>\\$2[aby]\\$\\d\\d\\$[./A-Za-z0-9]{53})';
const base64 = (name: string) => `(?<${name}>[A-Za-z0-9+/.]+)={0,2}`;
const text = (salt = '') => encode(Buffer.from(salt));
const hex = (digits = '') => Buffer.from(digits, 'hex');
/** passlib writes base64 with dots. */
const bytes = (encoded = '') => Buffer.from(encoded.replaceAll('.', '+'), 'base64');

const pbkdf2 = (digest: string, rounds: string | undefined, salt: string, key: Buffer) =>
  `$pbkdf2-${digest}$i=${Number(rounds)},l=${key.length}$${salt}$${encode(key)}`;
const scrypt = (log: number, r: string | undefined, p: string | undefined, salt: string, key: Buffer) =>
  `$scrypt$ln=${log},r=${Number(r)},p=${Number(p)},l=${key.length}$${salt}$${encode(key)}`;

/** Every spelling that an import accepts; docs/migrating.md lists them. */
const spellings: readonly Spelling[] = [
  // PHC and, with another `argon2` before it, Django
  { pattern: /^(?:argon2)?(?<phc>\$argon2(?:id|i|d)\$.+)$/, toStored: ({ phc = '' }) => phc },
  // crypt, and Django
  { pattern: new RegExp(`^(?:bcrypt\\$)?${bcrypt}$`), toStored: ({ hash = '' }) => hash },
  { pattern: new RegExp(`^bcrypt_sha256\\$${bcrypt}$`), toStored: ({ hash }) => `$sha256-hex${hash}` },
  // PHC, and passlib
  {
    pattern: new RegExp(
      `^\\$pbkdf2(?:-(?<digest>sha1|sha256|sha512))?\\$(?:i=)?(?<rounds>\\d{1,10})\\$${base64('salt')}\\$${base64('key')}$`,
    ),
    toStored: ({ digest = 'sha1', rounds, salt, key }) => pbkdf2(digest, rounds, encode(bytes(salt)), bytes(key)),
  },
  // Django
  {
    pattern: new RegExp(`^pbkdf2_(?<digest>sha1|sha256)\\$(?<rounds>\\d{1,10})\\$(?<salt>[^$]+)\\$${base64('key')}$`),
    toStored: ({ digest = '', rounds, salt, key }) => pbkdf2(digest, rounds, text(salt), bytes(key)),
  },
  // Werkzeug
  {
    pattern: /^pbkdf2:(?<digest>sha1|sha256|sha512):(?<rounds>\d{1,10})\$(?<salt>[^$]+)\$(?<key>(?:[0-9a-f]{2})+)$/,
    toStored: ({ digest = '', rounds, salt, key }) => pbkdf2(digest, rounds, text(salt), hex(key)),
  },
  // passlib
  {
    pattern: new RegExp(`^\\$scrypt\\$ln=(?<log>\\d{1,2}),r=(?<r>\\d{1,4}),p=(?<p>\\d{1,4})\\$${base64('salt')}\\$${base64('key')}$`),
    toStored: ({ log, r, p, salt, key }) => scrypt(Number(log), r, p, encode(bytes(salt)), bytes(key)),
  },
  // Werkzeug
  {
    pattern: /^scrypt:(?<N>\d{1,10}):(?<r>\d{1,4}):(?<p>\d{1,4})\$(?<salt>[^$]+)\$(?<key>(?:[0-9a-f]{2})+)$/,
    toStored: ({ N, r, p, salt, key }) => scrypt(Math.log2(Number(N)), r, p, text(salt), hex(key)),
  },
  // Django
  {
    pattern: new RegExp(`^scrypt\\$(?<N>\\d{1,10})\\$(?<salt>[^$]+)\\$(?<r>\\d{1,4})\\$(?<p>\\d{1,4})\\$${base64('key')}$`),
    toStored: ({ N, r, p, salt, key }) => scrypt(Math.log2(Number(N)), r, p, text(salt), bytes(key)),
  },
  // better-auth: the salt are the hexadecimal digits themselves
  {
    pattern: /^(?<salt>[0-9a-f]{32}):(?<key>[0-9a-f]{128})$/,
    toStored: ({ salt, key }) => `$nfkc${scrypt(14, '16', '1', text(salt), hex(key))}`,
  },
  // Firebase, as Supabase writes it. The key stream has no secret of the project: it is the digest without the signer key.
  {
    pattern: new RegExp(
      `^\\$fbscrypt\\$v=1,n=(?<log>\\d{1,2}),r=(?<r>\\d{1,4}),p=(?<p>\\d{1,4})(?:,ss=${base64('separator')})?,sk=${base64('signer')}\\$${base64('salt')}\\$${base64('key')}$`,
    ),
    toStored({ log, r, p, separator, signer, salt, key }) {
      const [digest, signerKey] = [bytes(key), bytes(signer)];
      const stream = digest.length === signerKey.length ? digest.map((byte, index) => byte ^ (signerKey[index] ?? 0)) : Buffer.alloc(0);
      const salts = encode(Buffer.concat([bytes(salt), bytes(separator)]));
      return `$fbscrypt$ln=${Number(log)},r=${Number(r)},p=${Number(p)},l=${stream.length}$${salts}$${encode(Buffer.from(stream))}`;
    },
  },
  // Django; `hmac-` is written by hand, because old versions of Werkzeug write the same prefix for an HMAC
  {
    pattern: /^(?<hmac>hmac-)?(?<digest>md5|sha1)\$(?<salt>[^$]*)\$(?<key>[0-9a-f]+)$/,
    toStored: ({ hmac, digest = '', salt, key }) => fast(digest, hmac ? 'hmac' : 'prefix', text(salt), hex(key)),
  },
  // Werkzeug before 2.3
  {
    pattern: /^(?:hmac-)?(?<digest>sha256|sha512)\$(?<salt>[^$]*)\$(?<key>[0-9a-f]+)$/,
    toStored: ({ digest = '', salt, key }) => fast(digest, salt ? 'hmac' : 'prefix', text(salt), hex(key)),
  },
  // LDAP
  {
    pattern: new RegExp(`^\\{(?<scheme>SHA|SSHA|MD5|SMD5|SHA256|SSHA256|SHA512|SSHA512)\\}${base64('key')}$`),
    toStored({ scheme = '', key }) {
      const digest = scheme
        .replace(/^S(?=SHA|MD5)/, '')
        .replace(/^SHA$/, 'SHA1')
        .toLowerCase() as keyof typeof digestLengths;
      const length = digestLengths[digest];
      return fast(digest, 'suffix', encode(bytes(key).subarray(length)), bytes(key).subarray(0, length));
    },
  },
];

function fast(digest: string, mode: 'prefix' | 'suffix' | 'hmac', salt: string, key: Buffer): string {
  const isWhole = key.length === digestLengths[digest as keyof typeof digestLengths];
  return isWhole ? `$${digest}$m=${mode}$${salt}$${encode(key)}` : '';
}

const maxStoredLength = 255; // of the column

/** A hash of another system: the form in which it is stored, or what is wrong with it. */
export type ImportedHash =
  | { readonly fault: string }
  /** `wrap` is the digest, if guessing at it would be fast: it must be replaced by its argon2id hash. */
  | { readonly stored: string; readonly wrap?: string };

const unknownFormat = { fault: 'must be a hash in a format that docs/migrating.md lists' };

/** Reads a hash of an import. The fault never repeats it. */
export function readImportedHash(hash: string): ImportedHash {
  const { preparation, rest } = splitPreparation(hash);
  if (preparation !== '' && preparation !== '$flask-security') return unknownFormat;
  const spelled = spellStored(rest);
  if (!spelled) return unknownFormat;
  const inner = splitPreparation(spelled);
  if (preparation && inner.preparation) return unknownFormat;
  const prefix = preparation || inner.preparation;
  if (prefix.length + inner.rest.length > maxStoredLength)
    return { fault: `must have at most ${maxStoredLength} characters as it is stored` };
  if (inner.rest.startsWith('$argon2')) {
    const fault = argon2Fault(inner.rest);
    if (fault === null) return unknownFormat;
    if (fault !== undefined) return { fault };
    return isFastArgon2(inner.rest)
      ? { fault: 'must not be so fast: at least 4 MiB in all passes of argon2' }
      : { stored: prefix + inner.rest };
  }
  const { header, digest } = splitHash(inner.rest);
  const derivation = readDerivation(header);
  if (!derivation) return unknownFormat;
  if (derivation.fault !== undefined) return { fault: derivation.fault };
  return derivation.isFast ? { stored: prefix + header, wrap: digest } : { stored: prefix + inner.rest };
}

function spellStored(hash: string): string | undefined {
  for (const { pattern, toStored } of spellings) {
    const groups = pattern.exec(hash)?.groups;
    if (groups) return toStored(groups as Record<string, string>) || undefined;
  }
  return undefined;
}
