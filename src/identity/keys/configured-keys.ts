import { createHash, hkdfSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import { createDataFolder, rejectFolder } from '../../database/data-folder.ts';
import { hasEmbeddedPostgres } from '../../database/embedded-postgres.ts';
import { parseJson } from '../../lib/parse-json.ts';
import { isRandom } from './is-random.ts';
import { importPair, type KeyPair } from './key-pair.ts';

/** The keys of a running server. Every property returns the current value. */
export interface KeyStore {
  /** Throws UNAVAILABLE while this node can use no key. */
  readonly signing: { readonly kid: string; readonly key: KeyObject };
  readonly verifying: ReadonlyMap<string, CryptoKey>;
  /** The published JWKS. */
  readonly jwks: { readonly keys: readonly JWK[] };
  /** Identifies the set of public keys; changes with it. */
  readonly version: string;
  /** Calls `onRemoved` once the key is no longer accepted. Returns a function that unsubscribes. */
  onKeyRemoved(kid: string, onRemoved: () => void): () => void;
  /** Reports a token with an unknown key id. */
  reportUnknownKey(kid: string): void;
  /** Derives a 32-byte key for a purpose; no two purposes share a key (security.md 20.2). */
  secret(purpose: string): Buffer;
  /** That key and its predecessors: one per entry of `ENCRYPTION_KEYS`. */
  secrets(purpose: string): Buffer[];
}

/** The configured keys. The first entry of each setting is used; the others are still accepted. */
export interface ConfiguredKeys extends Pick<KeyStore, 'secret' | 'secrets'> {
  readonly pairs: readonly KeyPair[];
  /** Identify the entries of each setting without disclosing them. */
  readonly fingerprints: Readonly<Record<'JWT_KEYS' | 'ENCRYPTION_KEYS', readonly Buffer[]>>;
}

const areUnique = (values: readonly string[]) => new Set(values).size === values.length;

const jwtKey = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  kid: z.string().min(1).max(255),
  x: z.string(),
  d: z.string().refine((text) => isRandom(Buffer.from(text, 'base64url'))),
});
const jwtKeys = z
  .array(jwtKey)
  .min(1)
  .refine((keys) => areUnique(keys.map(({ kid }) => kid)) && areUnique(keys.map(({ x }) => x)));
const encryptionKeys = z
  .array(
    z
      .string()
      .regex(/^[A-Za-z0-9+/]{43}=$/)
      .transform((text) => Buffer.from(text, 'base64'))
      .refine(isRandom),
  )
  .min(1)
  .refine((keys) => areUnique(keys.map((key) => key.toString('hex'))));

type KeySettings = Pick<Config, 'JWT_KEYS' | 'ENCRYPTION_KEYS' | 'DATA_DIR' | 'DATABASE_URL'>;

/** Loads the keys from the settings or, in development, from a file that the first start creates. Errors name the setting, never its value. */
export async function loadConfiguredKeys(config: KeySettings, mayReplaceLost = false): Promise<ConfiguredKeys> {
  if (!mayReplaceLost) requireKeysOfDatabase(config);
  const stored = config.JWT_KEYS && config.ENCRYPTION_KEYS ? undefined : await readStoredKeys(config.DATA_DIR);
  const pairs = await parse(
    'JWT_KEYS',
    config.JWT_KEYS ?? stored?.JWT_KEYS,
    'a JSON array of different private Ed25519 JWKs, each with its own kid and a random key',
    (json) => Promise.all(jwtKeys.parse(json).map(importPair)),
  );
  const roots = await parse(
    'ENCRYPTION_KEYS',
    config.ENCRYPTION_KEYS ?? stored?.ENCRYPTION_KEYS,
    'a JSON array of different keys of 32 random bytes in base64',
    (json) => encryptionKeys.parse(json),
  );
  const derive = (purpose: string) => roots.map((root) => Buffer.from(hkdfSync('sha256', root, '', `fieldgate ${purpose}`, 32)));
  const derived = new Map<string, Buffer[]>(); // the purposes are few and constant
  const secrets = (purpose: string) => derived.get(purpose) ?? (derived.set(purpose, derive(purpose)).get(purpose) as Buffer[]);
  const fingerprints = { JWT_KEYS: pairs.map(fingerprintOf), ENCRYPTION_KEYS: secrets('fingerprint') };
  return { pairs, secrets, secret: (purpose) => secrets(purpose)[0] as Buffer, fingerprints };
}

/** Like `loadConfiguredKeys`, but generates none: undefined if neither the settings nor the data folder has keys. */
export async function loadExistingKeys(config: KeySettings): Promise<ConfiguredKeys | undefined> {
  const isComplete = (config.JWT_KEYS && config.ENCRYPTION_KEYS) || existsSync(join(config.DATA_DIR, storedKeysFile));
  return isComplete ? loadConfiguredKeys(config) : undefined;
}

/** Throws if there is an embedded database whose keys are lost: new ones would not decrypt what is in it. */
export function requireKeysOfDatabase(config: KeySettings) {
  if (config.DATABASE_URL || (config.JWT_KEYS && config.ENCRYPTION_KEYS)) return;
  // In this order: a first start creates the file before the database.
  const file = join(config.DATA_DIR, storedKeysFile);
  if (!hasEmbeddedPostgres(config.DATA_DIR) || existsSync(file)) return;
  throw new Error(
    `The file ${file} with the keys of the database is missing: copy it back, set JWT_KEYS and ENCRYPTION_KEYS or, if they are lost, restore a backup with --accept-keys.`,
  );
}

const fingerprintOf = ({ kid, jwk }: KeyPair) =>
  createHash('sha256')
    .update(JSON.stringify(['fieldgate JWT_KEYS fingerprint', kid, jwk.x]))
    .digest();

/** Generates values for the settings `JWT_KEYS` and `ENCRYPTION_KEYS`. */
export async function generateKeys() {
  return { JWT_KEYS: JSON.stringify([await generateSigningKey()]), ENCRYPTION_KEYS: JSON.stringify([randomBytes(32).toString('base64')]) };
}

/** Generates a private Ed25519 key. */
export async function generateSigningKey() {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  return { ...(await exportJWK(privateKey)), kid: randomUUID() };
}

const storedKeysFile = 'keys.json';
const storedKeys = z.object({ JWT_KEYS: z.string(), ENCRYPTION_KEYS: z.string() });

/** The keys of the data folder. The first start creates them, under their name at once: a process that is killed leaves no half of the file. */
async function readStoredKeys(dataDir: string): Promise<z.infer<typeof storedKeys>> {
  const file = join(dataDir, storedKeysFile);
  if (!existsSync(file)) await createStoredKeys(dataDir, file);
  const { mode } = await stat(file).catch((error: NodeJS.ErrnoException) => rejectFolder(file, error));
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new Error(`The file ${file} contains secrets, but other users of this machine may read or change it. Run \`chmod 600 ${file}\`.`);
  }
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => rejectFolder(file, error));
  const parsed = storedKeys.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new Error(`The file ${file} is damaged: it must contain JWT_KEYS and ENCRYPTION_KEYS. Restore it from its backup.`);
}

async function createStoredKeys(dataDir: string, file: string) {
  await createDataFolder(dataDir);
  const temporary = `${file}.${randomUUID()}`;
  try {
    await writeFile(temporary, JSON.stringify(await generateKeys()), { flag: 'wx', mode: 0o600, flush: true });
    await link(temporary, file); // of two processes that start at the same time, one creates the name and both read its file
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') rejectFolder(file, error as NodeJS.ErrnoException);
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

async function parse<T>(name: string, text: string | undefined, expected: string, read: (json: unknown) => T | Promise<T>): Promise<T> {
  try {
    return await read(JSON.parse(text ?? ''));
  } catch {
    throw new Error(`Setting ${name}: must be ${expected}`);
  }
}
