import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const lengths = { iv: 12, tag: 16 }; // NIST SP 800-38D §5.2.1.1 and 5.2.1.2

/** Encrypts with AES-256-GCM, so that the value opens only with the same key and for the same `purpose`, the row and column where it is kept. */
export function encrypt(key: Buffer, purpose: string, value: string): Uint8Array<ArrayBuffer> {
  const iv = randomBytes(lengths.iv);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: lengths.tag }).setAAD(Buffer.from(purpose));
  const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return new Uint8Array(Buffer.concat([iv, cipher.getAuthTag(), text]));
}

/** What was encrypted; undefined where none of the keys opens it. */
export function decrypt(keys: readonly Buffer[], purpose: string, sealed: Uint8Array): string | undefined {
  for (const key of keys) {
    const opened = tryOpen(key, purpose, Buffer.from(sealed));
    if (opened !== undefined) return opened;
  }
  return undefined;
}

function tryOpen(key: Buffer, purpose: string, sealed: Buffer): string | undefined {
  const { iv, tag } = lengths;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, iv), { authTagLength: tag });
    decipher.setAAD(Buffer.from(purpose)).setAuthTag(sealed.subarray(iv, iv + tag));
    return Buffer.concat([decipher.update(sealed.subarray(iv + tag)), decipher.final()]).toString();
  } catch {
    return undefined; // another key made it, or it was changed
  }
}
