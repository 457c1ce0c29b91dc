import { z } from 'zod';

// Control, format (bidi, zero-width) and line-separating characters (security.md 16.3).
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** One line that people read: a name, a label. */
export const line = (most: number) =>
  z
    .string()
    .max(most, `at most ${most} characters`)
    .refine((text) => !invisible.test(text), 'no control or invisible characters');

/** Text of several lines. */
export const prose = (most: number) =>
  z
    .string()
    .max(most, `at most ${most} characters`)
    .refine((text) => !invisible.test(text.replace(/[\r\n\t]/g, '')), 'no control or invisible characters');

/** A password as it is typed; its policy is applied where it is set. */
export const secretText = z.string().max(1_024, 'too long'); // security.md F2

export const domainName = z
  .string()
  .max(63, 'at most 63 characters')
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/, 'lower-case letters, digits and hyphens; 2 to 63')
  .refine((name) => !['admin', 'api', 'www', 'root', 'system'].includes(name), 'reserved'); // security.md 9.7

export const roleName = z.string().regex(/^[A-Z][A-Z0-9_]{1,62}$/, 'capitals, digits and underscores; 2 to 63');

export const url = z.url({ protocol: /^https$/, error: 'an https address' }).max(2_048, 'at most 2048 characters');

/** A moment that lies ahead. */
export const future = z
  .date()
  .refine((at) => at.getTime() > Date.now() && at.getUTCFullYear() < 2100, 'a time that lies ahead, before 2100');

/** What a person left out is not changed; what a person emptied is cleared. */
export const emptyToNull = (text: string | null | undefined) => (text === '' ? null : text);

/** The text as part of a LIKE pattern that matches itself: Prisma passes % and _ on (security.md 8.6). */
export const literally = (text: string) => text.replace(/[\\%_]/g, '\\$&');

/** Whether the text can be an id in the database at all. */
export const isUuid = (text: string) => /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(text);
