import { z } from 'zod';
import { hasInvisible, hasPiledMarks, isBlank } from './visible-text.ts';

// Messages complete the sentence "<field> …".

const noInvisible = 'must not contain control or invisible characters';

/** Aborts on text that is too long, so that no further check reads it (security.md 16.1). */
const boundedText = (max: number) => z.string().max(max, { error: `must not exceed ${max} characters`, abort: true });

/** Text that shows all of its characters in their order, once `toLine` has replaced its line breaks. */
const readableText = (max: number, toLine: (text: string) => string) =>
  boundedText(max)
    .refine((text) => !hasInvisible(toLine(text)), noInvisible)
    .refine((text) => !hasPiledMarks(text), 'must not contain more than 4 combining marks in a row');

export const singleLineText = (max: number) => readableText(max, (text) => text);

/** Text that people see, such as a name. May be empty, but not blank. */
export const labelText = (max: number) => singleLineText(max).refine((text) => text === '' || !isBlank(text), 'must not be blank');

export const nonBlankText = (max: number) => singleLineText(max).refine((text) => !isBlank(text), 'must not be blank');

export const multiLineText = (max: number) => readableText(max, (text) => text.replace(/[\r\n\t]/g, ' '));

/** Like `labelText`, in several lines. */
export const paragraphText = (max: number) => multiLineText(max).refine((text) => text === '' || !isBlank(text), 'must not be blank');

/** A password as typed. The password policy applies only where a password is set. */
export const secretText = z.string().max(1_024, 'must not exceed 1024 characters'); // security.md F2

export const domainName = boundedText(63)
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])$/, 'must have 2 to 63 characters: lower-case letters, digits and hyphens')
  .refine((name) => !['admin', 'api', 'www', 'root', 'system'].includes(name), 'must not be a reserved name'); // security.md 9.7

export const roleName = boundedText(63).regex(
  /^[A-Z][A-Z0-9_]{1,62}$/,
  'must have 2 to 63 characters: upper-case letters, digits and underscores',
);

/** An https URL, or empty. */
export const url = singleLineText(2_048)
  .refine((text) => text === '' || readUrl(text)?.protocol === 'https:', { error: 'must be an https URL', abort: true })
  // Programs that load the URL would send them, and everyone who sees the profile could read them.
  .refine((text) => !hasUserInfo(text), 'must not contain a username or password');

/**
 * A URL with a host, as every program reads it. The URL parser also accepts spaces, tabs, line breaks, backslashes, missing and additional slashes,
 * and percent-encoded hosts; this does not.
 */
export function readUrl(text: string): URL | undefined {
  return /^[a-z]+:\/\/[^/?#\s\\%]+(?:[/?#][^\s\\]*)?$/i.test(text) ? (URL.parse(text) ?? undefined) : undefined;
}

/** True if the URL has a username or password, or an `@` before its host with neither. */
export function hasUserInfo(text: string): boolean {
  const { username, password } = URL.parse(text) ?? {};
  return Boolean(username || password) || /^[a-z]+:\/\/[^/?#]*@/i.test(text);
}

/** A language tag, or empty. */
export const locale = boundedText(35).regex(/^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4})?$/, 'must be a BCP 47 language tag');

/** A time that the database can represent (security.md 16.9). */
export const timestamp = z
  .date()
  .refine((at) => at.getUTCFullYear() >= 1970 && at.getUTCFullYear() < 2100, 'must be between 1970 and 2099');

export const emptyToNull = (text: string | null | undefined) => text || null;

/** For the `validate` of an input: these fields may be omitted, but not null (security.md 8.8). */
export const rejectNull = <Name extends string>(...names: Name[]) =>
  z.custom<Partial<Record<Name, unknown>>>().superRefine((input, { addIssue }) => {
    for (const name of names) if (input[name] === null) addIssue({ code: 'custom', path: [name], message: 'must not be null' });
  });

/** Escapes text for a LIKE pattern, because Prisma does not escape % and _ (security.md 8.6). */
export const escapeLike = (text: string) => text.replace(/[\\%_]/g, '\\$&');

/** True if the text is an id in the form that the database stores. */
export const isUuid = (text: string) => /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(text);
