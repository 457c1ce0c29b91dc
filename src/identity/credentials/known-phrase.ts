import { coresOf } from './known-words.ts';
import { knownPhrases } from './passwords/known-phrases.ts';

const charactersPerTypo = 8; // random words differ from a phrase in many more characters

/** True if the characters of a password are those of a phrase that many people know, or differ from them in a few typing errors. */
export function isNearlyKnownPhrase(password: string): boolean {
  const texts = new Set(coresOf(password).map((core) => core.replace(/\P{L}/gu, '')));
  return [...texts].some((text) => phrases.some((phrase) => isNear(text, phrase)));
}

const phrases = knownPhrases.map((phrase) => {
  const limit = Math.floor(phrase.length / charactersPerTypo);
  const length = Math.ceil(phrase.length / (limit + 1));
  const pieces = Array.from({ length: limit + 1 }, (_, index) => phrase.slice(index * length, (index + 1) * length));
  return { characters: [...phrase], limit, pieces };
});

interface Phrase {
  readonly characters: readonly string[];
  /** The number of characters that may differ. */
  readonly limit: number;
  /** One part more than characters may differ: a text without any of them is not near. Comparing them is fast. */
  readonly pieces: readonly string[];
}

/** True if at most one character in eight of the phrase has to be inserted, removed or replaced (the edit distance of Levenshtein). */
function isNear(text: string, { characters, limit, pieces }: Phrase): boolean {
  if (Math.abs(text.length - characters.length) > limit || !pieces.some((piece) => text.includes(piece))) return false;
  let distances = characters.map((_, index) => index + 1);
  for (const [row, character] of [...text].entries()) {
    let [diagonal, left] = [row, row + 1];
    distances = distances.map((above, column) => {
      const distance = Math.min(above + 1, left + 1, diagonal + (character === characters[column] ? 0 : 1));
      [diagonal, left] = [above, distance];
      return distance;
    });
    if (Math.min(row + 1, ...distances) > limit) return false;
  }
  return (distances.at(-1) ?? 0) <= limit;
}
