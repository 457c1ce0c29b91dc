import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { fingerprint } from '../src/identity/credentials/password-policy.ts';

// node scripts/passwords.ts <passwords.txt.gz> <american-english-huge>: writes src/identity/credentials/passwords/refused.bin anew. The README.md beside
// it names the packages that hold the two source files. The same sources always make the same file.
const [breached, dictionary] = process.argv.slice(2);
if (!breached || !dictionary) {
  console.error('Usage: node scripts/passwords.ts <passwords.txt.gz> <american-english-huge>');
  process.exit(2);
}

const shortest = 8; // the policy refuses shorter ones by their length
const long = 15; // where the lists of others are thin, and our default minimum
const longest = 32; // for cycles; "qwertyuiop" thrice is 30

const count = (text: string) => [...text].length;
const linesOf = (text: string) => [...new Set(text.split(/\r?\n/).map((line) => line.normalize('NFC').toLowerCase()))];

const common = linesOf(gunzipSync(readFileSync(breached)).toString()); // the commonest first
const known = common.filter((password) => count(password) >= shortest);
const words = linesOf(readFileSync(dictionary, 'utf8')).filter((word) => count(word) >= long && !word.includes("'"));
const entries = new Set([...known, ...words, ...pairs(common.slice(0, 500)), ...cycles([...common.slice(0, 2_000), ...characters()])]);

const fingerprints = BigUint64Array.from(new Set([...entries].map(fingerprint))).sort();
const file = Buffer.alloc(fingerprints.byteLength);
for (const [index, entry] of fingerprints.entries()) file.writeBigUInt64BE(entry, index * fingerprints.BYTES_PER_ELEMENT);
writeFileSync(join(import.meta.dirname, '../src/identity/credentials/passwords/refused.bin'), file);

const ofLength = (passwords: Iterable<string>) => [...passwords].filter((password) => count(password) >= long).length;
console.log(`breached: ${known.length}, of ${long} or more: ${ofLength(known)}; dictionary words of ${long} or more: ${words.length}`);
console.log(`all: ${fingerprints.length}, of ${long} or more: ${ofLength(entries)}; ${file.length} bytes`);

/** One common password after another, as people lengthen them. */
function pairs(passwords: string[]): string[] {
  return passwords.flatMap((one) => passwords.map((other) => one + other)).filter((pair) => count(pair) >= long);
}

/** Each written over and over, cut at every length: "1234567890123456". */
function cycles(passwords: string[]): string[] {
  const lengths = Array.from({ length: longest - long + 1 }, (_, more) => long + more);
  return passwords.filter(Boolean).flatMap((one) => lengths.map((length) => one.repeat(length).slice(0, length)));
}

/** The printable characters of ASCII in one case. */
function characters(): string[] {
  return linesOf(Array.from({ length: 95 }, (_, offset) => String.fromCharCode(32 + offset)).join('\n'));
}
