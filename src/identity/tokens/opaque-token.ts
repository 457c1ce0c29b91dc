import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { KeyStore } from '../keys/configured-keys.ts';

/** The prefix of each kind of opaque token, for secret scanners. */
export const prefixes = { api: 'fg_', refresh: 'fgr_', link: 'fgl_', setup: 'fgs_' } as const;

/** Generates an opaque token: the prefix of its kind and 256 random bits. */
export const generateToken = (kind: keyof typeof prefixes) => prefixes[kind] + randomBytes(32).toString('base64url');

/** The form in which the database stores an opaque token. */
export const hashToken = (token: string) => createHash('sha256').update(token).digest();

/** True if the text has the format of this kind of token, valid or not. */
export const hasTokenFormat = (kind: keyof typeof prefixes, text: string) =>
  text.startsWith(prefixes[kind]) && /^[\w-]{43}$/.test(text.slice(prefixes[kind].length));

/**
 * Derives the refresh token that follows `parent`. A repeated refresh derives the same token, so a client that lost the response gets it again
 * and no second branch is created. Deriving it requires the parent, the nonce in the database and the server's key.
 */
export const deriveNextRefreshToken = (keys: Pick<KeyStore, 'secret'>, parent: string, nonce: Uint8Array) =>
  nextRefreshToken(keys.secret('refresh'), parent, nonce);

/** The tokens that nodes may have derived, one per configured key: while a key is replaced, not all nodes have the same first one. */
export const deriveNextRefreshTokens = (keys: Pick<KeyStore, 'secrets'>, parent: string, nonce: Uint8Array) =>
  keys.secrets('refresh').map((secret) => nextRefreshToken(secret, parent, nonce));

const nextRefreshToken = (secret: Buffer, parent: string, nonce: Uint8Array) =>
  prefixes.refresh + createHmac('sha256', secret).update(nonce).update(parent).digest('base64url');

/**
 * Derives an API token from a nonce and the client's idempotency key, if it gave one: a repetition with the same key gets the same token. Deriving it
 * requires the nonce, the client's key and the server's key; without a key of the client the nonce is stored nowhere.
 */
export const deriveApiToken = (serverKey: Buffer, nonce: Uint8Array, idempotencyKey: string | null | undefined) =>
  prefixes.api +
  createHmac('sha256', serverKey)
    .update(nonce)
    .update(idempotencyKey ?? '')
    .digest('base64url');

/**
 * Derives the token of a link from the id of its email: another attempt to send the email sends the same link, and the outbox contains no secret
 * (security.md 11.10). Deriving it requires the server's key.
 */
export const deriveLinkToken = (keys: Pick<KeyStore, 'secret'>, id: string) =>
  prefixes.link + createHmac('sha256', keys.secret('link')).update(id).digest('base64url');

/** Derives the token with which the first superadmin is created in development. */
export const deriveSetupToken = (keys: Pick<KeyStore, 'secret'>) => prefixes.setup + keys.secret('setup').toString('base64url');

/** Derives the eight-digit code that replaces a link if there is no browser. Only ever compared, and only a few times. */
export const deriveLinkCode = (keys: Pick<KeyStore, 'secret'>, id: string) =>
  String(createHmac('sha256', keys.secret('link code')).update(id).digest().readUIntBE(0, 6) % 100_000_000).padStart(8, '0');
