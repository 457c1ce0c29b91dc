import { type KeyObject, sign } from 'node:crypto';

/**
 * Signs a JWT with Ed25519 (RFC 7519, RFC 8037). jose hands the work to the thread pool: a login waited there behind password hashes, and the handover
 * took twice as long as signing.
 */
export function signJwt(header: { readonly typ: string; readonly kid: string }, claims: object, key: KeyObject): string {
  const input = `${encode({ alg: 'EdDSA', ...header })}.${encode(claims)}`;
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
}

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
