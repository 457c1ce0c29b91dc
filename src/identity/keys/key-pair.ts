import { type CryptoKey, importJWK, type JWK } from 'jose';

/** A signing key, ready for use. */
export interface KeyPair extends PublicKey {
  readonly private: CryptoKey;
}

/** The public half of one, as it is published and ready for use. */
export interface PublicKey {
  readonly kid: string;
  readonly jwk: JWK;
  readonly public: CryptoKey;
}

type Jwk = JWK & { readonly kid: string };

/** Reads a private JWK. Throws when it is none, or its halves are of two keys. */
export async function importPair(jwk: Jwk): Promise<KeyPair> {
  return { ...(await importPublic(jwk)), private: (await importJWK(jwk, 'EdDSA')) as CryptoKey };
}

/** Reads the public half of a JWK, private or not, and leaves the rest. */
export async function importPublic({ kty, crv, kid, x }: Jwk): Promise<PublicKey> {
  const jwk = { kty, crv, kid, x, alg: 'EdDSA', use: 'sig' } as JWK;
  return { kid, jwk, public: (await importJWK(jwk, 'EdDSA')) as CryptoKey };
}
