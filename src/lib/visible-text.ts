// Control, format (bidi, zero-width), half surrogate and line-separating characters (security.md 16.3), others that by default are not shown, and
// those that look like a space: the braille blank, the object replacement, blank hieroglyphs and a null notehead.
const invisible = '[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\u2800\\uFFFC\\u{13441}\\u{13442}\\u{1D159}]';

// Such characters that text needs, each at its place and only one at a time, so that nothing can be hidden in them.
const meaningful = [
  '(?<=\\p{L})[\\u200C\\u200D](?=\\p{L})', // joiners inside a word (Persian, Indic scripts)
  '(?<=\\p{L}\\p{M}+)[\\u200C\\u200D]', // joiners after a mark, also at the end of a word, as in Malayalam
  '(?<=[\\p{Extended_Pictographic}\\p{Emoji_Modifier}]\\uFE0F?)\\u200D(?=\\p{Extended_Pictographic})', // joiners inside an emoji
  '(?<=\\u{1F3F4})[\\u{E0061}-\\u{E007A}]{5}\\u{E007F}', // the flags of England, Scotland and Wales
  '(?<=\\p{Emoji})[\\uFE0E\\uFE0F]', // the choice between a text and an emoji
  '(?<=\\p{Script=Han})[\\uFE00-\\uFE02\\u{E0100}-\\u{E01EF}]', // the form of an ideograph, as in Japanese family names
  '(?<=\\p{Script=Mongolian})[\\u180B-\\u180D\\u180F]', // the form of a Mongolian character
  '(?<=[\\u2801-\\u28FF])\\u2800(?=[\\u2801-\\u28FF])', // the space between words in braille
].join('|');

const invisibleOrMeaningful = new RegExp(`(?<meaningful>${meaningful})|${invisible}`, 'gu');

// A character that leaves a mark on its own.
const visible = new RegExp(`[^\\p{White_Space}\\p{C}\\p{M}${invisible.slice(1)}`, 'u');

// More than 4 nonspacing marks in a row (UTS #39, section 5.4): no script needs them, and they run into the lines above and below.
const piledMarks = /[\p{Mn}\p{Me}]{5}/u;

/** Replaces characters that hide or reorder text. Joiners and other invisible characters that the text needs are kept. */
export const replaceInvisible = (text: string, replacement: string) =>
  text.replace(invisibleOrMeaningful, (character, kept?: string) => (kept === undefined ? replacement : character));

export const hasInvisible = (text: string) => replaceInvisible(text, '') !== text;

export const isBlank = (text: string) => !visible.test(text);

export const hasPiledMarks = (text: string) => piledMarks.test(text.normalize('NFD'));
