import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { ConfiguredKeys } from './configured-keys.ts';

const ivLength = 12; // bytes, NIST SP 800-38D §5.2.1.1
const authTagLength = 16; // bytes, §5.2.1.2

const purpose = 'signing keys';
/** Binds a ciphertext to its row. The name of the column is the one it had first: stored values depend on it. */
const associatedData = (kid: string) => `SigningKey.sealed ${kid}`;

/** Encrypts the private half of a signing key for its row. */
export const encryptPrivateJwk = (secret: ConfiguredKeys['secret'], kid: string, jwk: string) =>
  encryptAesGcm(secret(purpose), associatedData(kid), jwk);

/** Decrypts the private half of a signing key; undefined if none of the configured keys decrypts it. */
export function decryptPrivateJwk(secrets: ConfiguredKeys['secrets'], kid: string, encrypted: Uint8Array): string | undefined {
  for (const key of secrets(purpose)) {
    const decrypted = decryptAesGcm(key, associatedData(kid), Buffer.from(encrypted));
    if (decrypted !== undefined) return decrypted;
  }
  return undefined;
}

/** AES-256-GCM: IV, authentication tag, ciphertext. Decrypts only with the same key and the same associated data. */
function encryptAesGcm(key: Buffer, associatedData: string, value: string): Uint8Array<ArrayBuffer> {
  const iv = randomBytes(ivLength);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength }).setAAD(Buffer.from(associatedData));
  const ciphertext = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return new Uint8Array(Buffer.concat([iv, cipher.getAuthTag(), ciphertext]));
}

/** Undefined if the value was encrypted with another key or was changed. */
function decryptAesGcm(key: Buffer, associatedData: string, encrypted: Buffer): string | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, encrypted.subarray(0, ivLength), { authTagLength });
    decipher.setAAD(Buffer.from(associatedData)).setAuthTag(encrypted.subarray(ivLength, ivLength + authTagLength));
    return Buffer.concat([decipher.update(encrypted.subarray(ivLength + authTagLength)), decipher.final()]).toString();
  } catch {
    return undefined;
  }
}
