import { singleLineText } from '../../lib/validators.ts';

// Names that could be mistaken for the service itself (security.md 9.7), also with punctuation.
const reservedNames = new Set(
  `abuse account admin administrator anonymous api billing contact everybody everyone fieldgate guest help hostmaster info login
  mail mailer-daemon me moderator nobody noreply null official operator owner postmaster privacy register root security service staff
  superadmin superuser support system team undefined user username webmaster www`
    .split(/\s+/)
    .map(withoutPunctuation),
);

/**
 * The normalized form of a username, by NFKC and case folding; undefined if it is not acceptable. Only A to Z: with other scripts, two names that
 * look alike could belong to two users.
 */
export function usernameKey(text: string): string | undefined {
  const key = text.normalize('NFKC').toLowerCase();
  return /^[a-z][a-z0-9_.-]{3,31}$/.test(key) && !reservedNames.has(withoutPunctuation(key)) ? key : undefined;
}

/** A username, or an empty string. */
export const username = singleLineText(64).refine(
  (text) => text === '' || usernameKey(text) !== undefined,
  'must have 4 to 32 characters (A to Z, digits, _ . and -), start with A to Z, and not be a reserved name',
);

/** The columns of a username: as shown, and its key; null if it is empty or missing. */
export const loginIdentifier = (text: string | null | undefined) => ({
  username: text ? text.normalize('NFKC') : null,
  usernameKey: text ? (usernameKey(text) ?? null) : null,
});

function withoutPunctuation(key: string) {
  return key.replace(/[_.-]/g, '');
}
