const minLength = 32;
const minDifferent = 8; // 32 random hexadecimal digits have fewer different ones in one of 10^7 texts
const repeatedPart = 8; // 64 random hexadecimal digits contain the same 8 twice in one of 10^6 texts

const placeholders = /change.?me|secret|password|passphrase|example|placeholder|setup.?token|deadbeef/i;

/** False if a text is short, or looks as if it was typed: repetitions, sequences, placeholders, and lower-case words. */
export function looksRandom(text: string): boolean {
  if (text.length < minLength || !/^[!-~]+$/.test(text) || placeholders.test(text) || /^[a-z._-]+$/.test(text)) return false;
  const codes = [...text].map((character) => character.charCodeAt(0));
  const steps = new Set(codes.slice(1).map((code, index) => code - (codes[index] ?? 0)));
  const hasRepeatedPart = codes.some(
    (_, start) => start + repeatedPart <= text.length && text.includes(text.slice(start, start + repeatedPart), start + 1),
  );
  return new Set(codes).size >= minDifferent && steps.size > minDifferent && !hasRepeatedPart;
}
