import { z } from 'zod';

// Control, format (bidi, zero-width), half surrogate and line-separating characters (security.md 16.3).
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Text that is looked at no further where it is too long (security.md 16.1). */
const bounded = (most: number) => z.string().max(most, { error: `at most ${most} characters`, abort: true });

/** One line that people read. */
export const singleLineText = (most: number) => bounded(most).refine((text) => !invisible.test(text), 'no control or invisible characters');

/** One line that names something, so not a blank one. */
export const nonBlankText = (most: number) => singleLineText(most).refine((text) => text.trim() !== '', 'not blank');

/** Text of several lines. */
export const multiLineText = (most: number) =>
  bounded(most).refine((text) => !invisible.test(text.replace(/[\r\n\t]/g, '')), 'no control or invisible characters');

/** A password as it is typed; its policy is applied where it is set. */
export const secretText = z.string().max(1_024, 'too long'); // security.md F2

export const domainName = bounded(63)
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/, 'lower-case letters, digits and hyphens; 2 to 63')
  .refine((name) => !['admin', 'api', 'www', 'root', 'system'].includes(name), 'reserved'); // security.md 9.7

export const roleName = bounded(63).regex(/^[A-Z][A-Z0-9_]{1,62}$/, 'capitals, digits and underscores; 2 to 63');

/** The address of a page or a picture, or empty. The parser of URLs overlooks blanks and line ends; this does not. */
export const url = singleLineText(2_048).refine(
  (text) => /^(https:\/\/\S+)?$/i.test(text) && (text === '' || URL.canParse(text)),
  'an https address',
);

/** A language tag, or empty. */
export const locale = bounded(35).regex(/^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4})?$/, 'a BCP 47 tag');

/** A moment that the database can tell from others (security.md 16.9). */
export const timestamp = z.date().refine((at) => at.getUTCFullYear() >= 1970 && at.getUTCFullYear() < 2100, 'a time from 1970 to 2100');

/** A moment that lies ahead. */
export const futureDate = z
  .date()
  .refine((at) => at.getTime() > Date.now() && at.getUTCFullYear() < 2100, 'a time that lies ahead, before 2100');

/** A text that a person emptied is none. */
export const emptyToNull = (text: string | null | undefined) => text || null;

/** For the `validate` of an input: these fields may be left out, and are never null (security.md 8.8). */
export const rejectNull = <Name extends string>(...names: Name[]) =>
  z.custom<Partial<Record<Name, unknown>>>().superRefine((input, { addIssue }) => {
    for (const name of names) if (input[name] === null) addIssue({ code: 'custom', path: [name], message: 'not null' });
  });

/** The text as part of a LIKE pattern that matches itself: Prisma passes % and _ on (security.md 8.6). */
export const escapeLike = (text: string) => text.replace(/[\\%_]/g, '\\$&');

/** Whether the text can be an id in the database at all. */
export const isUuid = (text: string) => /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(text);
