import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { ConfiguredKeys } from './configured-keys.ts';

const ivLength = 12; // bytes, NIST SP 800-38D §5.2.1.1
const authTagLength = 16; // bytes, §5.2.1.2

const purpose = 'signing keys';
/** Binds a ciphertext to its row. The name of the column is the one it had first: stored values depend on it. */
const associatedData = (kid: string) => `SigningKey.sealed ${kid}`;

/** Encrypts the private half of a signing key for its row. */
export const encryptPrivateJwk = (secret: ConfiguredKeys['secret'], kid: string, jwk: string) =>
  new Uint8Array(encryptAesGcm(secret(purpose), associatedData(kid), jwk));

/** Decrypts the private half of a signing key; undefined if none of the configured keys decrypts it. */
export const decryptPrivateJwk = (secrets: ConfiguredKeys['secrets'], kid: string, encrypted: Uint8Array): string | undefined =>
  decryptAesGcm(secrets(purpose), associatedData(kid), Buffer.from(encrypted));

/**
 * AES-256-GCM with an IV derived from what is encrypted, so that the same text has the same ciphertext and no IV is used for two texts. Reveals
 * nothing but that two texts are equal.
 */
export function encryptAesGcmDeterministically(key: Buffer, associatedData: string, value: string): Buffer {
  const iv = createHmac('sha256', key).update(`${associatedData.length} ${associatedData}${value}`).digest().subarray(0, ivLength);
  return encrypt(key, iv, associatedData, value);
}

/** AES-256-GCM with a random IV: two ciphertexts of the same text are different. */
export const encryptAesGcm = (key: Buffer, associatedData: string, value: string): Buffer =>
  encrypt(key, randomBytes(ivLength), associatedData, value);

/** IV, authentication tag, ciphertext. Decrypts only with the same key and the same associated data. */
function encrypt(key: Buffer, iv: Buffer, associatedData: string, value: string): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength }).setAAD(Buffer.from(associatedData));
  const ciphertext = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), ciphertext]);
}

/** Undefined if the value was encrypted with none of the keys, or was changed. */
export function decryptAesGcm(keys: readonly Buffer[], associatedData: string, encrypted: Buffer): string | undefined {
  for (const key of keys) {
    const decrypted = tryKey(key, associatedData, encrypted);
    if (decrypted !== undefined) return decrypted;
  }
  return undefined;
}

function tryKey(key: Buffer, associatedData: string, encrypted: Buffer): string | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, encrypted.subarray(0, ivLength), { authTagLength });
    decipher.setAAD(Buffer.from(associatedData)).setAuthTag(encrypted.subarray(ivLength, ivLength + authTagLength));
    return Buffer.concat([decipher.update(encrypted.subarray(ivLength + authTagLength)), decipher.final()]).toString();
  } catch {
    return undefined;
  }
}
