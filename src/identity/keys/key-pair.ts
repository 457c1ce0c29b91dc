import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { type CryptoKey, importJWK, type JWK } from 'jose';

/** A signing key. */
export interface KeyPair extends PublicKey {
  readonly private: KeyObject;
}

/** The public half of a signing key, as a JWK to publish and as a key to verify with. */
export interface PublicKey {
  readonly kid: string;
  readonly jwk: JWK;
  readonly public: CryptoKey;
}

type JwkWithId = JWK & { readonly kid: string };

/** Imports a private JWK. Throws if it is not one, or if its halves do not match. */
export async function importPair(jwk: JwkWithId): Promise<KeyPair> {
  await importJWK(jwk, 'EdDSA'); // Node does not compare the halves
  return { ...(await importPublic(jwk)), private: createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' }) };
}

/** Imports the public half of a JWK and drops the rest. */
export async function importPublic({ kty, crv, kid, x }: JwkWithId): Promise<PublicKey> {
  const jwk = { kty, crv, kid, x, alg: 'EdDSA', use: 'sig' } as JWK;
  return { kid, jwk, public: (await importJWK(jwk, 'EdDSA')) as CryptoKey };
}
