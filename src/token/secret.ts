import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Keys } from './keys.ts';

/** The first letters of each kind of opaque value, so that secret scanners find a leaked one. */
export const prefixes = { api: 'fg_', refresh: 'fgr_' } as const;

/** A new opaque value: 256 random bits behind the prefix of its kind. */
export const newSecret = (kind: keyof typeof prefixes) => prefixes[kind] + randomBytes(32).toString('base64url');

/** What the database keeps of an opaque value. */
export const hashOf = (secret: string) => createHash('sha256').update(secret).digest();

/** Whether the text has the form of this kind of value; says nothing about whether it is one. */
export const looksLike = (kind: keyof typeof prefixes, text: string) =>
  text.startsWith(prefixes[kind]) && /^[\w-]{43}$/.test(text.slice(prefixes[kind].length));

/**
 * The refresh token that follows `parent`. Repeating the exchange gives the same value, so a client that lost the answer gets it again
 * and no second branch comes to be; nobody computes it without the parent, the database's nonce and the server's key together.
 */
export const successorOf = (keys: Pick<Keys, 'secret'>, parent: string, nonce: Uint8Array) =>
  prefixes.refresh + createHmac('sha256', keys.secret('refresh')).update(nonce).update(parent).digest('base64url');
