import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isNearlyKnownPhrase } from './known-phrase.ts';
import { coresOf, countWithoutRepetitions, indexWords, isMostlyWords, wordsIn } from './known-words.ts';
import { commonWords } from './passwords/common-words.ts';
import { knownPhrases } from './passwords/known-phrases.ts';

const productName = 'fieldgate';
const minLengthFloor = 8; // security.md F1: whatever the operator configures
const maxLength = 256; // security.md F2: in UTF-8 at most its 1,024 bytes
const entryBytes = 8; // among 277,079 entries, a false positive has a probability of 1.5e-14

interface PasswordContext {
  email: string;
  /** The username and the names of the user. */
  names?: readonly string[];
  /** The words of the service: those of its operator, and the host of its URL. */
  words: readonly string[];
  /** The minimum number of code points that the operator requires. */
  min: number;
}

/** The faults of a new, normalized password (security.md 1.3), in sentences that never repeat it. Empty if it is acceptable. */
export function validatePassword(password: string, context: PasswordContext): string[] {
  if (password.length > 2 * maxLength || countCharacters(password) > maxLength) return [`must have at most ${maxLength} characters`];
  if (!password.isWellFormed() || password.includes('\0')) return ['must not contain U+0000 or half a surrogate pair'];
  const { email, names = [], words, min } = context; // not read before the length is checked: a long password must cost nothing
  const minLength = Math.max(minLengthFloor, min);
  const serviceWords = indexWords([productName, ...words, ...wordsIn(email)]);
  const { each, all } = isMostlyWords(password, [indexedCommonWords, serviceWords, indexWords(names.flatMap(wordsIn))], minLength);
  const [isMadeOfCommonWords, isMadeOfServiceWords, isMadeOfNames] = each;
  const faults: string[] = [];
  if (countCharacters(password) < minLength) faults.push(`must have at least ${minLength} characters`);
  if (isMadeOfCommonWords || isCommon(password) || isNearlyKnownPhrase(password))
    faults.push('must not be a password that is known from breaches or easy to guess');
  if (isMadeOfServiceWords) faults.push('must contain more than parts of your email address or words of this service');
  if (isMadeOfNames) faults.push('must contain more than your username or name');
  if (faults.length > 0) return faults;
  if (all) return ['must contain more than words that are easy to guess'];
  const isRepetitive = countWithoutRepetitions(password) < minLength;
  return isRepetitive ? [`must have at least ${minLength} characters that do not repeat earlier ones`] : [];
}

const indexedCommonWords = indexWords([...commonWords, ...knownPhrases]);

/** Counts code points, as people and the standards do, not UTF-16 units. */
const countCharacters = (text: string) => [...text].length;

/** True if the shipped lists contain the password, or what is left of it without digits and punctuation around it, case-insensitively. */
const isCommon = (password: string) => [password, ...coresOf(password)].some((text) => isListed(text) || isExample(text));

/**
 * True for the well-known example of a passphrase (xkcd.com/936) as one word, or with other separators than spaces. It is not among the known phrases,
 * because with spaces, as in documentation and tests, it is accepted.
 */
const isExample = (text: string) => /^(?:correct)?horsebattery(?:staple)?$/.test(text.replace(/[^\p{L} ]/gu, ''));

function isListed(password: string): boolean {
  const list = loadList();
  const wanted = fingerprint(password);
  let low = 0;
  let high = list.length / entryBytes;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = list.readBigUInt64BE(middle * entryBytes);
    if (entry === wanted) return true;
    if (entry < wanted) low = middle + 1;
    else high = middle;
  }
  return false;
}

let loadedList: Buffer | undefined;

/** Sorted fingerprints (passwords/README.md). Loaded on first use. */
function loadList(): Buffer {
  loadedList ??= readFileSync(join(import.meta.dirname, 'passwords/refused.bin'));
  return loadedList;
}

/** The form in which the shipped lists contain a password, case-insensitive. */
export const fingerprint = (password: string) => createHash('sha256').update(foldCase(password)).digest().readBigUInt64BE();

const foldCase = (text: string) => text.normalize('NFC').toLowerCase();
