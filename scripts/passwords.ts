import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { fingerprint } from '../src/identity/credentials/password-policy.ts';

// node scripts/passwords.ts <passwords.txt.gz> <american-english-huge>: rebuilds src/identity/credentials/passwords/refused.bin.
// The README.md beside that file names the packages with the two source files. The same sources always give the same file.
const [breached, dictionary] = process.argv.slice(2);
if (!breached || !dictionary) {
  console.error('Usage: node scripts/passwords.ts <passwords.txt.gz> <american-english-huge>');
  process.exit(2);
}

const minLength = 8; // the policy rejects shorter ones by their length
const longLength = 15; // our default minimum, where breach lists are thin
const maxRepeatLength = 32; // three times "qwertyuiop" is 30

const count = (text: string) => [...text].length;
const linesOf = (text: string) => [...new Set(text.split(/\r?\n/).map((line) => line.normalize('NFC').toLowerCase()))];

const common = linesOf(gunzipSync(readFileSync(breached)).toString()); // the most common first
const known = common.filter((password) => count(password) >= minLength);
const words = linesOf(readFileSync(dictionary, 'utf8')).filter((word) => count(word) >= longLength && !word.includes("'"));
const entries = new Set([...known, ...words, ...pairs(common.slice(0, 500)), ...repetitions([...common.slice(0, 2_000), ...characters()])]);

const fingerprints = BigUint64Array.from(new Set([...entries].map(fingerprint))).sort();
const file = Buffer.alloc(fingerprints.byteLength);
for (const [index, entry] of fingerprints.entries()) file.writeBigUInt64BE(entry, index * fingerprints.BYTES_PER_ELEMENT);
writeFileSync(join(import.meta.dirname, '../src/identity/credentials/passwords/refused.bin'), file);

const ofLength = (passwords: Iterable<string>) => [...passwords].filter((password) => count(password) >= longLength).length;
console.log(
  `breached: ${known.length}, of ${longLength} or more: ${ofLength(known)}; dictionary words of ${longLength} or more: ${words.length}`,
);
console.log(`all: ${fingerprints.length}, of ${longLength} or more: ${ofLength(entries)}; ${file.length} bytes`);

/** Two common passwords in a row, as people lengthen them. */
function pairs(passwords: string[]): string[] {
  return passwords.flatMap((one) => passwords.map((other) => one + other)).filter((pair) => count(pair) >= longLength);
}

/** Each repeated and cut at every length: "1234567890123456". */
function repetitions(passwords: string[]): string[] {
  const lengths = Array.from({ length: maxRepeatLength - longLength + 1 }, (_, more) => longLength + more);
  return passwords.filter(Boolean).flatMap((one) => lengths.map((length) => one.repeat(length).slice(0, length)));
}

/** The printable ASCII characters, in lower case. */
function characters(): string[] {
  return linesOf(Array.from({ length: 95 }, (_, offset) => String.fromCharCode(32 + offset)).join('\n'));
}
