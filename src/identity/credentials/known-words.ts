const minWordLength = 4; // "jo" and "com" occur in passwords by chance
const minSpacedLength = 7; // "adam" occurs in "read a map"
const minOwnLetters = 8; // what a password needs in addition to known words

/** The letters that digits and punctuation stand for. */
const lookalikes: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'il',
  '2': 'z',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '6': 'g',
  '7': 't',
  '8': 'b',
  '9': 'g',
  '@': 'a',
  $: 's',
  '!': 'il',
  '|': 'il',
  '+': 't',
  '(': 'c',
};

/** Without case, accents and compatibility forms. */
const fold = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

/** The words in a text: the whole text, its parts, and these parts without digits. Numbers are not words. */
export function wordsIn(text: string): string[] {
  const parts = [/[@\s]/, /[@.\s]/, /[^\p{L}\p{N}]/u, /[^\p{L}]/u].flatMap((separator) => text.split(separator));
  return parts.filter((part) => lettersAndDigits(part).length >= minWordLength && /\p{L}/u.test(part));
}

/** Words by their first character. */
type WordIndex = ReadonlyMap<string, readonly (readonly string[])[]>;

export function indexWords(words: readonly string[]): WordIndex {
  const distinct = new Set(words.map((word) => lettersAndDigits(fold(word)).join('')));
  return Map.groupBy(
    [...distinct].map((word) => [...word]),
    ([initial = '']) => initial,
  );
}

/** A character of a password, as it is compared with words. */
interface Character {
  /** The character itself, and what it may stand for. */
  readonly spellings: string;
  readonly isLetter: boolean;
}

/**
 * For each of some sets of words, and for all of them together, true if the password contains some of these words and little else: digits,
 * punctuation, spaces and a few other characters. Words count in any case, with accents, and with lookalikes in place of their characters.
 */
export function isMostlyWords(password: string, sets: readonly WordIndex[], minLength: number): { each: boolean[]; all: boolean } {
  const characters = [...fold(password)].map((text) => ({ spellings: text + (lookalikes[text] ?? ''), isLetter: /\p{L}/u.test(text) }));
  const marks = sets.map((words) => markWords(characters, words));
  const leavesLittle = (isKnown: (index: number) => boolean) => {
    const own = characters.filter((_, index) => !isKnown(index));
    if (own.length === characters.length) return false;
    return own.length < minLength / 2 || own.filter(({ isLetter }) => isLetter).length < Math.min(minOwnLetters, minLength / 2);
  };
  return {
    each: marks.map((known) => leavesLittle((index) => known[index] === true)),
    all: leavesLittle((index) => marks.some((known) => known[index])),
  };
}

/** Marks the characters that belong to words. */
function markWords(characters: readonly Character[], words: WordIndex): boolean[] {
  const known = characters.map(() => false);
  for (const [start, { spellings }] of characters.entries()) {
    for (const initial of spellings) {
      for (const word of words.get(initial) ?? []) {
        const end = matchWord(characters, start, word);
        if (end !== undefined) known.fill(true, start, end);
      }
    }
  }
  return known;
}

/** The end of the word that starts there, if lookalikes replace at most half of it. A long word may have digits and punctuation in between. */
function matchWord(characters: readonly Character[], start: number, word: readonly string[]): number | undefined {
  let position = start;
  let letters = 0;
  for (const expected of word) {
    let character = characters[position];
    while (character && !character.spellings.includes(expected)) {
      if (character.isLetter || word.length < minSpacedLength) return undefined;
      position += 1;
      character = characters[position];
    }
    if (!character) return undefined;
    if (character.isLetter) letters += 1;
    position += 1;
  }
  return letters * 2 >= word.length ? position : undefined;
}

/** The password without the digits and punctuation around it, as it is written and with lookalikes replaced. */
export function coresOf(password: string): string[] {
  const core = fold(password).replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  return [core, [...core].map((character) => lookalikes[character]?.charAt(0) ?? character).join('')];
}

const lettersAndDigits = (text: string) => [...text].filter((character) => /[\p{L}\p{N}]/u.test(character));
