import { lookalikes } from './passwords/lookalikes.ts';
import { sequences } from './passwords/sequences.ts';

const minWordLength = 4; // "jo" and "com" occur in passwords by chance
const minReversedLength = 5; // "live" is not a way to write "evil"
const minSpacedLength = 7; // "adam" occurs in "read a map"
const minOwnLetters = 8; // what a password needs in addition to known words
const anySecond = '*';
const minRunLength = 4; // of a sequence; one more of digits
const minRepeatedLength = 4; // "the" occurs twice in many sentences

/** Without case, accents, invisible characters and compatibility forms. */
const fold = (text: string) =>
  text
    .normalize('NFKD')
    .replace(/[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')
    .replace(/[\u{1F150}-\u{1F169}\u{1F170}-\u{1F189}\u{1F1E6}-\u{1F1FF}]/gu, toLetter)
    .toLowerCase();

/** The plain form of a symbol that is a Latin character in a circle, a square or a flag; NFKD does not replace these. */
function toLetter(symbol: string): string {
  const code = symbol.codePointAt(0) ?? 0;
  const first = [0x1f1e6, 0x1f170, 0x1f150].find((start) => code >= start) ?? code;
  return String.fromCharCode('a'.charCodeAt(0) + code - first);
}

/** The words in a text: the whole text, its parts, and these parts without digits. Numbers are not words. */
export function wordsIn(text: string): string[] {
  const parts = [/[@\s]/, /[@.\s]/, /[^\p{L}\p{N}]/u, /[^\p{L}]/u].flatMap((separator) => text.split(separator));
  return parts.filter((part) => lettersAndDigits(part).length >= minWordLength && /\p{L}/u.test(part));
}

/** Words by their first character, and by the first two. */
type WordIndex = ReadonlyMap<string, readonly (readonly string[])[]>;

/** Indexes words, also as they are written backwards. */
export function indexWords(words: readonly string[]): WordIndex {
  const forwards = words.map((word) => lettersAndDigits(fold(word)));
  const backwards = forwards.filter((word) => word.length >= minReversedLength).map((word) => word.toReversed());
  const distinct = new Set([...forwards, ...backwards].map((word) => word.join('')));
  const index = new Map<string, string[][]>();
  for (const word of distinct) {
    const characters = [...word];
    for (const length of [1, 2]) {
      const key = characters.slice(0, length).join('');
      index.set(key, [...(index.get(key) ?? []), characters]);
    }
  }
  return index;
}

/** A character of a password, as it is compared with words. */
interface Character {
  readonly text: string;
  /** The character itself, and the characters that it may stand for. */
  readonly spellings: string;
  readonly isLetter: boolean;
}

const charactersOf = (password: string): Character[] =>
  [...fold(password)].map((text) => ({ text, spellings: text + (lookalikes.get(text) ?? ''), isLetter: /\p{L}/u.test(text) }));

/**
 * For each of some sets of words, and for all of them together, true if the password contains some of these words and little else: digits,
 * punctuation, spaces and a few other characters. Words count in any case, with accents, backwards, with repeated characters, and with lookalikes in
 * place of their characters. Sequences such as "abcdef" and "qwertz" count with the first set.
 */
export function isMostlyWords(password: string, sets: readonly WordIndex[], minLength: number): { each: boolean[]; all: boolean } {
  const characters = charactersOf(password);
  const sequential = markSequences(characters);
  const marks = sets.map((words) => markWords(characters, words));
  const leavesLittle = (words: readonly boolean[], withSequences: boolean) => {
    const isKnown = (index: number) => words[index] || (withSequences && sequential[index]);
    const own = characters.filter((_, index) => !isKnown(index));
    if (own.length === characters.length) return false;
    if (own.length < minLength / 2) return true;
    // A short sequence occurs by chance in random numbers, which have few alphabetic characters.
    const isChance = !words.includes(true) && sequential.filter(Boolean).length < characters.length / 2;
    return !isChance && own.filter(({ isLetter }) => isLetter).length < Math.min(minOwnLetters, minLength / 2);
  };
  const all = characters.map((_, index) => marks.some((known) => known[index]));
  return { each: marks.map((known, index) => leavesLittle(known, index === 0)), all: leavesLittle(all, true) };
}

/** Marks the characters that belong to words. */
function markWords(characters: readonly Character[], words: WordIndex): boolean[] {
  const known = characters.map(() => false);
  characters.forEach((first, start) => {
    const next = characters[start + 1];
    const seconds = next?.isLetter && next.text !== first.text ? next.spellings : anySecond; // another one may be skipped
    for (const initial of first.spellings) {
      for (const second of seconds) {
        for (const word of words.get(second === anySecond ? initial : initial + second) ?? []) {
          const end = matchWord(characters, start, word);
          if (end !== undefined) known.fill(true, start, end);
        }
      }
    }
  });
  return known;
}

/**
 * The end of the word that starts there. Letters may be repeated, and a long word may have digits and punctuation in between. Lookalikes replace at
 * most half of the word; of a long word without anything in between, three quarters.
 */
function matchWord(characters: readonly Character[], start: number, word: readonly string[]): number | undefined {
  const isLong = word.length >= minSpacedLength;
  let position = start;
  let letters = 0;
  let isSpaced = false;
  for (const expected of word) {
    let character = characters[position];
    while (character && !character.spellings.includes(expected)) {
      const isRepeated = position > start && character.text === characters[position - 1]?.text;
      if (!isRepeated && (character.isLetter || !isLong)) return undefined;
      isSpaced ||= !isRepeated;
      position += 1;
      character = characters[position];
    }
    if (!character) return undefined;
    if (character.isLetter) letters += 1;
    position += 1;
  }
  return letters * (isLong && !isSpaced ? 4 : 2) >= word.length ? position : undefined;
}

/** A character of a sequence, with those that follow it there. */
type Place = readonly [sequence: string, index: number, step: 1 | -1];

const places: ReadonlyMap<string, readonly Place[]> = Map.groupBy(
  sequences
    .map(fold)
    .flatMap((sequence) => [...sequence].flatMap((_, index) => ([1, -1] as const).map((step): Place => [sequence, index, step]))),
  ([sequence, index]) => sequence.charAt(index),
);

/** Marks parts of sequences, also with repeated characters, and a character that is repeated again and again. */
function markSequences(characters: readonly Character[]): boolean[] {
  const known = characters.map(() => false);
  const text = characters.map((character) => character.text);
  text.forEach((character, start) => {
    for (const place of places.get(character) ?? [[character, 0, 1] as const]) {
      const end = endOfRun(text, start, place);
      if (end !== undefined) known.fill(true, start, end);
    }
  });
  return known;
}

/** The end of the part of the sequence that starts there, unless it is short enough to occur by chance. */
function endOfRun(text: readonly string[], start: number, [sequence, first, step]: Place): number | undefined {
  let index = first;
  let end = start + 1;
  for (; end < text.length; end += 1) {
    if (text[end] === text[end - 1]) continue;
    if (text[end] !== sequence.charAt(index + step)) break;
    index += step;
  }
  const length = end - start;
  if (length < minRunLength || Math.abs(index - first) === 1) return undefined;
  const isNumber = text.slice(start, end).every((character) => /\d/.test(character));
  return isNumber && length === minRunLength ? undefined : end;
}

/** How many characters a password has that do not repeat earlier ones, forwards or backwards. */
export function countWithoutRepetitions(password: string): number {
  const characters = charactersOf(password);
  const text = characters.map(mostLikelyLetter);
  const repeated = text.map(() => false);
  let before = '';
  text.forEach((character, start) => {
    const isWord = characters.slice(start, start + minRepeatedLength).every(({ isLetter }) => isLetter);
    const length = minRepeatedLength + (isWord ? 0 : 1); // numbers repeat by chance more often
    const part = text.slice(start, start + length);
    const isRepeated = before.includes(part.join('')) || before.includes(part.reverse().join(''));
    if (isRepeated && part.length === length) repeated.fill(true, start, start + length);
    before += character;
  });
  return repeated.filter((isRepeated) => !isRepeated).length;
}

/** The password without the digits and punctuation around it, as it is written and with lookalikes replaced, in both directions. */
export function coresOf(password: string): string[] {
  const core = fold(password).replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  const replaced = charactersOf(core).map(mostLikelyLetter).join('');
  return [core, replaced].flatMap((text) => [text, [...text].toReversed().join('')]);
}

const mostLikelyLetter = ({ text }: Character) => lookalikes.get(text)?.charAt(0) ?? text;

const lettersAndDigits = (text: string) => [...text].filter((character) => /[\p{L}\p{N}]/u.test(character));
