import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const least = 8; // security.md F1: whatever the operator sets
const most = 256; // security.md F2: in UTF-8 these are never more than its 1,024 bytes
const shortestPart = 4; // "jo" and "com" stand in passwords by chance
const entryBytes = 8; // among 277,079 entries, another password is taken for one with a chance of 1.5e-14

interface About {
  email: string;
  /** The operator's context words. */
  words: string[];
  /** The fewest code points that the operator takes. */
  min: number;
}

/** What is wrong with a new password, normalised before (security.md 1.3), in sentences that never repeat it; none when it may be used. */
export function validatePassword(password: string, about: About): string[] {
  if (password.length > 2 * most || count(password) > most) return [`The password is longer than ${most} characters.`];
  if (!password.isWellFormed() || password.includes('\0')) return ['The password holds U+0000 or half a surrogate pair.'];
  const min = Math.max(least, about.min);
  const faults: string[] = [];
  if (count(password) < min) faults.push(`The password is shorter than ${min} characters.`);
  if (isCommon(password)) faults.push('The password is known from breaches, or is easy to guess.');
  if (isMerely([...partsOf(about.email), ...about.words], password, min)) {
    faults.push('The password is little more than your e-mail address or a word of this service.');
  }
  return faults;
}

/** The length that people see and the standards count: code points, not UTF-16 units. */
const count = (text: string) => [...text].length;

/** Whether the shipped lists have the password, in whatever case. */
function isCommon(password: string): boolean {
  const list = shipped();
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

let loaded: Buffer | undefined;

/** The file of passwords/README.md: fingerprints in rising order. Read once, when first asked for. */
function shipped(): Buffer {
  loaded ??= readFileSync(join(import.meta.dirname, 'passwords/refused.bin'));
  return loaded;
}

/** The form in which the shipped lists hold a password, the same for every case of it. */
export const fingerprint = (password: string) => createHash('sha256').update(caseless(password)).digest().readBigUInt64BE();

const caseless = (text: string) => text.normalize('NFC').toLowerCase();

/** What of an address its owner is known by: the local part, the labels of the domain, and the words in both. */
function partsOf(email: string): string[] {
  const parts = ['@', /[@.]/, /[^\p{L}\p{N}]/u].flatMap((separator) => email.split(separator));
  return parts.filter((part) => count(part) >= shortestPart);
}

/** Whether the password holds some of these words, and besides them less than half of the shortest password. */
function isMerely(words: string[], password: string, min: number): boolean {
  const typed = caseless(password);
  const longestFirst = words.map(caseless).sort((a, b) => b.length - a.length);
  const rest = longestFirst.reduce((text, word) => text.replaceAll(word, ''), typed);
  return rest !== typed && count(rest) < min / 2;
}
