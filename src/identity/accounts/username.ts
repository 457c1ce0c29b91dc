import { singleLineText } from '../../lib/validators.ts';

// Names that read as if the service itself spoke (security.md 9.7), with or without the signs that a name may hold.
const reserved = new Set(
  `abuse account admin administrator anonymous api billing contact everybody everyone fieldgate guest help hostmaster info login
  mail mailer-daemon me moderator nobody noreply null official operator owner postmaster privacy register root security service staff
  superadmin superuser support system team undefined user username webmaster www`
    .split(/\s+/)
    .map(plain),
);

/**
 * The one form in which two spellings of a username are the same, by NFKC and without regard to case; undefined where it is none. Letters are
 * those from A to Z: with others, two names that look alike would be two users.
 */
export function usernameKey(text: string): string | undefined {
  const key = text.normalize('NFKC').toLowerCase();
  return /^[a-z][a-z0-9_.-]{3,31}$/.test(key) && !reserved.has(plain(key)) ? key : undefined;
}

/** A username, or empty. */
export const username = singleLineText(64).refine(
  (text) => text === '' || usernameKey(text) !== undefined,
  '4 to 32 letters from A to Z, digits, _ . and -, a letter first, and no name of the service',
);

/** What is kept of a username: as it is shown, and its key; of none, or of an empty one, nothing. */
export const loginIdentifier = (text: string | null | undefined) => ({
  username: text ? text.normalize('NFKC') : null,
  usernameKey: text ? (usernameKey(text) ?? null) : null,
});

function plain(key: string) {
  return key.replace(/[_.-]/g, '');
}
