import { z } from 'zod';

// Messages complete the sentence "<field> …".

// Control, format (bidi, zero-width), half surrogate and line-separating characters (security.md 16.3).
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

// Format characters that text needs: joiners inside a word (Persian, Indic scripts; also at its end after a mark, as in Malayalam), joiners inside an
// emoji, and the tags of the flags of England, Scotland and Wales. Only one at a time, so that nothing can be hidden in them.
const meaningful = new RegExp(
  [
    '(?<=\\p{L})[\\u200C\\u200D](?=\\p{L})',
    '(?<=\\p{L}\\p{M}+)[\\u200C\\u200D]',
    '(?<=[\\p{Extended_Pictographic}\\p{Emoji_Modifier}]\\uFE0F?)\\u200D(?=\\p{Extended_Pictographic})',
    '(?<=\\u{1F3F4})[\\u{E0061}-\\u{E007A}]{5}\\u{E007F}',
  ].join('|'),
  'gu',
);
const hasInvisible = (text: string) => invisible.test(text.replace(meaningful, ''));

// A character that leaves a mark: no space, and none of those that look like one, such as the Hangul fillers, the braille blank and a null notehead.
const visible = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\p{C}\p{M}\u2800\uFFFC\u{1D159}]/u;
const isBlank = (text: string) => !visible.test(text);

const noInvisible = 'must not contain control or invisible characters';

/** Aborts on text that is too long, so that no further check reads it (security.md 16.1). */
const boundedText = (max: number) => z.string().max(max, { error: `must not exceed ${max} characters`, abort: true });

export const singleLineText = (max: number) => boundedText(max).refine((text) => !hasInvisible(text), noInvisible);

/** Text that people see, such as a name. May be empty, but not blank. */
export const labelText = (max: number) => singleLineText(max).refine((text) => text === '' || !isBlank(text), 'must not be blank');

export const nonBlankText = (max: number) => singleLineText(max).refine((text) => !isBlank(text), 'must not be blank');

export const multiLineText = (max: number) => boundedText(max).refine((text) => !hasInvisible(text.replace(/[\r\n\t]/g, '')), noInvisible);

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

/** An https URL, or empty. The URL parser accepts spaces, line breaks and backslashes; this does not. */
export const url = singleLineText(2_048)
  .refine((text) => /^(https:\/\/[^\s\\]+)?$/i.test(text) && (text === '' || URL.canParse(text)), {
    error: 'must be an https URL',
    abort: true,
  })
  // Programs that load the URL would send them, and everyone who sees the profile could read them.
  .refine((text) => !hasUserInfo(text), 'must not contain a username or password');

/** True if the URL has something before an `@` of its host, even if that is empty. */
export const hasUserInfo = (text: string) => /^[a-z]+:\/\/[^/?#\\]*@/i.test(text);

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
