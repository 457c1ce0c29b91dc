/** The digits, punctuation and characters of other alphabets with which people write a Latin one. The first that lists one is the likeliest. */
const spelled: Readonly<Record<string, string>> = {
  a: '4@^аαɑᴀɐ',
  b: '8вьβʙßɓ',
  c: '(<{[¢сϲᴄɔ',
  d: 'ԁđðɗᴅ',
  e: '3€еєэεᴇəǝ',
  f: 'ƒғꜰɟᖴ',
  g: '69ɡցɢƃ',
  h: '#нһћʜɥ',
  i: '1!|¡іιıɪᴉ',
  j: 'јϳʝᴊɾ',
  k: 'кκᴋʞ',
  l: '1!|£łӏʟƚ',
  m: 'мᴍɯ',
  n: 'пиηпɴ',
  o: '0оοσøөᴏ',
  p: 'рρþᴘ',
  q: '9ԛ',
  r: 'гяʀɹ',
  s: '5$§ѕꜱß',
  t: '7+тτŧᴛʇ',
  u: 'υµμцᴜʋ',
  v: 'νѵᴠʌ',
  w: 'ѡωшԝᴡʍ',
  x: '×хχ',
  y: '¥уγүʏʎ',
  z: '2ʐᴢ',
};

const pairs = Object.entries(spelled).flatMap(([letter, characters]) => [...characters].map((character) => ({ character, letter })));

/** The Latin characters that a character may stand for, the likeliest first. */
export const lookalikes: ReadonlyMap<string, string> = new Map(
  [...Map.groupBy(pairs, ({ character }) => character)].map(([character, group]) => [character, group.map(({ letter }) => letter).join('')]),
);
