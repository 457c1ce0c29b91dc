import { hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import type { Config } from '../config.ts';

/** The keys of a running server. The first of each list is used; the others are still accepted. */
export interface Keys {
  readonly signing: { readonly kid: string; readonly key: CryptoKey };
  readonly verifying: ReadonlyMap<string, CryptoKey>;
  /** The public half, as the key set that resource servers fetch. */
  readonly jwks: { readonly keys: readonly JWK[] };
  /** 32 bytes for one purpose, derived so that no two purposes share a key (security.md 20.2). */
  secret(purpose: string): Buffer;
}

const jwtKey = z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), kid: z.string().min(1), x: z.string(), d: z.string() });
const jwtKeys = z.array(jwtKey).min(1);
const encryptionKeys = z.array(z.string().regex(/^[A-Za-z0-9+/]{43}=$/)).min(1);

/** Reads the keys from the settings or, in development, from a file made at the first start. Throws with the setting's name, never its value. */
export async function loadKeys(config: Config): Promise<Keys> {
  const kept = config.JWT_KEYS && config.ENCRYPTION_KEYS ? undefined : await keptKeys(config.DATA_DIR);
  const jwks = parse('JWT_KEYS', jwtKeys, config.JWT_KEYS ?? kept?.JWT_KEYS, 'a JSON array of private Ed25519 JWKs, each with a kid');
  const secrets = parse(
    'ENCRYPTION_KEYS',
    encryptionKeys,
    config.ENCRYPTION_KEYS ?? kept?.ENCRYPTION_KEYS,
    'a JSON array of 32 bytes in base64',
  );
  const imported = await Promise.all(jwks.map(async (jwk) => ({ kid: jwk.kid, key: (await importJWK(jwk, 'EdDSA')) as CryptoKey })));
  const open = jwks.map(({ kty, crv, kid, x }) => ({ kty, crv, kid, x, alg: 'EdDSA', use: 'sig' }));
  const verifying = await Promise.all(open.map(async (jwk) => [jwk.kid, (await importJWK(jwk, 'EdDSA')) as CryptoKey] as const));
  const root = Buffer.from(secrets[0] ?? '', 'base64');
  return {
    signing: imported[0] as Keys['signing'],
    verifying: new Map(verifying),
    jwks: { keys: open },
    secret: (purpose) => Buffer.from(hkdfSync('sha256', root, '', `fieldgate ${purpose}`, 32)),
  };
}

/** New keys, in the form of the settings `JWT_KEYS` and `ENCRYPTION_KEYS`. */
export async function newKeys() {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  return {
    JWT_KEYS: JSON.stringify([{ ...(await exportJWK(privateKey)), kid: randomUUID() }]),
    ENCRYPTION_KEYS: JSON.stringify([randomBytes(32).toString('base64')]),
  };
}

async function keptKeys(dataDir: string): Promise<Awaited<ReturnType<typeof newKeys>>> {
  const file = join(dataDir, 'keys.json');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  // Two processes that start at once agree on one file: only one of them makes it.
  await writeFile(file, JSON.stringify(await newKeys()), { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return JSON.parse(await readFile(file, 'utf8'));
}

function parse<T>(name: string, shape: z.ZodType<T>, text: string | undefined, expected: string): T {
  try {
    return shape.parse(JSON.parse(text ?? ''));
  } catch {
    throw new Error(`Setting ${name}: needs ${expected}`);
  }
}
