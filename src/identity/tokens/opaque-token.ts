import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { KeyStore } from '../keys/configured-keys.ts';

/** The first letters of each kind of opaque value, so that secret scanners find a leaked one. */
export const prefixes = { api: 'fg_', refresh: 'fgr_', link: 'fgl_' } as const;

/** A new opaque value: 256 random bits behind the prefix of its kind. */
export const generateToken = (kind: keyof typeof prefixes) => prefixes[kind] + randomBytes(32).toString('base64url');

/** What the database keeps of an opaque value. */
export const hashToken = (secret: string) => createHash('sha256').update(secret).digest();

/** Whether the text has the form of this kind of value; says nothing about whether it is one. */
export const hasTokenFormat = (kind: keyof typeof prefixes, text: string) =>
  text.startsWith(prefixes[kind]) && /^[\w-]{43}$/.test(text.slice(prefixes[kind].length));

/**
 * The refresh token that follows `parent`. Repeating the exchange gives the same value, so a client that lost the answer gets it again
 * and no second branch comes to be; nobody computes it without the parent, the database's nonce and the server's key together.
 */
export const deriveNextRefreshToken = (keys: Pick<KeyStore, 'secret'>, parent: string, nonce: Uint8Array) =>
  prefixes.refresh + createHmac('sha256', keys.secret('refresh')).update(nonce).update(parent).digest('base64url');

/**
 * What opens a link that is mailed, derived from the id of its mail: sending it again sends the same one, and the outbox holds no secret
 * (security.md 11.10). Nobody computes it without the server's key.
 */
export const deriveLinkToken = (keys: Pick<KeyStore, 'secret'>, id: string) =>
  prefixes.link + createHmac('sha256', keys.secret('link')).update(id).digest('base64url');

/** The eight digits that stand for a link where there is no browser; good for nothing but to be compared, a few times. */
export const deriveLinkCode = (keys: Pick<KeyStore, 'secret'>, id: string) =>
  String(createHmac('sha256', keys.secret('link code')).update(id).digest().readUIntBE(0, 6) % 100_000_000).padStart(8, '0');
