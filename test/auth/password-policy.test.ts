import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { validatePassword } from '../../src/identity/credentials/password-policy.ts';

const alice = { email: 'Alice.Liddell@wonder-land.example', words: ['Fieldgate', 'Köln'], min: 15 };
const phrase = 'seven teal herons misread a map';

const tooShort = 'must have at least 15 characters';
const tooLong = 'must have at most 256 characters';
const common = 'must not be a password that is known from breaches or easy to guess';
const personal = 'must contain more than parts of your email address or words of this service';
const malformed = 'must not contain U+0000 or half a surrogate pair';

describe('a new password: length', () => {
  it('requires at least 15 code points', () => {
    expect(validatePassword(phrase.slice(0, 14), alice)).toEqual([tooShort]);
    expect(validatePassword(phrase.slice(0, 15), alice)).toEqual([]);
  });

  it('uses the configured minimum, but never less than 8', () => {
    expect(validatePassword('v9#Lq2xw', { ...alice, min: 8 })).toEqual([]);
    expect(validatePassword('v9#Lq2x', { ...alice, min: 4 })).toEqual(['must have at least 8 characters']);
  });

  it('counts an emoji as one code point', () => {
    expect(validatePassword('🦊🐻🦉🐸🐢🦄🐙🐝🦋🐌🐞🦀🐬🐳', alice)).toEqual([tooShort]);
    expect(validatePassword('🦊🐻🦉🐸🐢🦄🐙🐝🦋🐌🐞🦀🐬🐳🐉', alice)).toEqual([]);
  });

  it('allows at most 256 code points, even if they take 1,024 bytes', () => {
    const longest = String.fromCodePoint(...Array.from({ length: 256 }, (_, index) => 0x1f300 + index));
    expect(Buffer.byteLength(longest)).toBe(1_024);
    expect(validatePassword(longest, alice)).toEqual([]);
    expect(validatePassword(`${longest}!`, alice)).toEqual([tooLong]);
  });

  it('checks the length first, so that a password of one megabyte costs nothing', () => {
    const untouchable = new Proxy(alice, { get: () => expect.fail('looked further') });
    expect(validatePassword('password'.repeat(131_072), untouchable)).toEqual([tooLong]);
  });
});

describe('a new password: characters', () => {
  it('accepts any Unicode characters in any mixture', () => {
    const accepted = ['все семь цапель летят', 'sieben blaue reiher üben', '  seven teal herons  ', '夏草や兵どもが夢の跡とて旅に病んで'];
    expect(accepted.flatMap((password) => validatePassword(password, alice))).toEqual([]);
  });

  it('rejects unpaired surrogates', () => {
    expect(validatePassword(`${phrase}\ud83e`, alice)).toEqual([malformed]);
    expect(validatePassword(`\udd8a${phrase}`, alice)).toEqual([malformed]);
  });

  it('rejects U+0000', () => {
    expect(validatePassword(`${phrase}\0`, alice)).toEqual([malformed]);
  });
});

describe('a new password: common passwords', () => {
  it('rejects a common long password, ignoring case', () => {
    for (const password of ['passwordpassword', 'PasswordPassword', 'WORLDOFWARCRAFT', '1qaz2wsx3edc4rfv']) {
      expect(validatePassword(password, alice), password).toEqual([common]);
    }
  });

  it('rejects a common short password when the minimum is 8', () => {
    for (const password of ['12345678', 'Baseball', 'Trustno1', 'Кристина']) {
      expect(validatePassword(password, { ...alice, min: 8 }), password).toEqual([common]);
    }
  });

  it('rejects repetitions and combinations of common passwords and a single long word', () => {
    for (const password of ['IloveyouIloveyou', 'Welcome123456789', '1234567890123456', 'zzzzzzzzzzzzzzzzzzzz', 'Incomprehensible']) {
      expect(validatePassword(password, alice), password).toEqual([common]);
    }
  });

  it('are more than 100,000', () => {
    expect(statSync(join(import.meta.dirname, '../../src/identity/credentials/passwords/refused.bin')).size / 8).toBeGreaterThan(100_000);
  });
});

describe('a new password: personal words', () => {
  it('rejects a password that consists of parts of the email address, ignoring case', () => {
    for (const password of ['alice.liddell@wonder-land.example', 'LIDDELL-Alice-2026', 'Wonder-Land.Alice', 'alice-alice-alice']) {
      expect(validatePassword(password, alice), password).toEqual([personal]);
    }
  });

  it('rejects a password that consists of the words configured by the operator', () => {
    expect(validatePassword('fieldgate-köln-1', alice)).toEqual([personal]);
    expect(validatePassword('FIELDGATE-2026!', alice)).toEqual([personal]);
  });

  it('accepts such words together with enough other text', () => {
    expect(validatePassword('alice misread a map', alice)).toEqual([]);
    expect(validatePassword('fieldgate misread a map', alice)).toEqual([]);
  });

  it('ignores parts of the email address with fewer than 4 characters', () => {
    expect(validatePassword('joe 271 com 934 jet', { ...alice, email: 'joe@mail.com' })).toEqual([]);
  });
});

/** Other ways to write a letter: accents, full width, other alphabets, digits. */
const spellings: Readonly<Record<string, readonly string[]>> = {
  a: ['á', 'ａ', 'а', 'α', '@'],
  d: ['ｄ', 'ԁ', 'ⓓ'],
  e: ['é', 'ｅ', 'е', '3'],
  g: ['ｇ', 'ɡ', 'Ⓖ'],
  i: ['í', 'ｉ', 'і', '1'],
  l: ['ł', 'ｌ', '𝓵'],
  n: ['ñ', 'ｎ', 'ɴ'],
  o: ['ö', 'ｏ', 'о', 'ο', '0'],
  s: ['š', 'ｓ', 'ѕ', '5'],
  t: ['ť', 'ｔ', 'т', '𝐭'],
  z: ['ž', 'ｚ', 'ᴢ'],
};

const owner = { ...alice, words: ['Köln', 'example', 'id.example.com'], names: ['mgonzalez77', 'Maria Gonzalez'] };

describe('a new password: words with digits and punctuation', () => {
  it.each([
    'Fieldgate2026!!',
    'F13ldg4t3-2026!!',
    'field.gate.2026!',
    'f-i-e-l-d-g-a-t-e-1',
    'FIELDGATEfieldgate',
    'fïeldgäte2026!!!',
    'ｆｉｅｌｄｇａｔｅ２０２６！！',
    'fieldgate8491027364',
    'köln-köln-köln-1',
    'example123456789',
    'Liddell123456789',
    'administrator123',
    'Administrat0r2026',
    'administrator 1 2 3',
    'AdminAdminAdmin1!',
    'Welcome2026!!!!!',
    'W3lc0me-W3lc0me!',
    'company123456789',
    'Company-2026-2027',
    'P@ssw0rd2026!!!!',
    '!!!Sunshine!!!2026',
    'dragon2026dragon!',
    'Qwerty2026!Qwerty',
    'MariaGonzalez2026',
    'M4r14-G0nz4l3z-1',
    'mgonzalez77!!!!!',
    'welcome-alice-2026!',
    'fieldgate-maria-company-1',
    'f1eldg4te_f1eldg4te',
    '4dm1n157r470r!!!',
    '5un5h1n3-5un5h1n3',
    'p@$$w0rd-p@$$w0rd',
    'ffiieellddggaattee',
    'fieldgaaaaaaaaaate',
    'field\u200Bgate\u00AD2026!!!',
    'fіеldgаtе2026!!!', // Cyrillic
    'ριzzα-fιεldgατε-1', // Greek
    'ꜰɪᴇʟᴅɢᴀᴛᴇ2026!!!',
    '🅵🅸🅴🅻🅳🅶🅰🆃🅴2026!!',
    'ⓕⓘⓔⓛⓓⓖⓐⓣⓔ123456',
    'etagdleif2026!!!',
    'fieldgate.etagdleif',
    'rotartsinimda123',
    'drowssapdrowssap',
    'moc.elpmaxe.di!!',
    'ecila-llediL-2026',
  ])('rejects %s', (password) => {
    expect(validatePassword(password, owner)).not.toEqual([]);
  });

  it.each([
    'horses of the correct battery',
    'fieldgate misread a map',
    'my administrator ate seven plums',
    'welcome to the tundra baby',
    'company of seven teal herons',
    'maria and her nine otters',
    'testament of youth and rye',
    'dragonfly nebula quartz',
    'sommerregen auf wellblech',
    'x7#kQ9$mT2!vLp4z',
    'Zq3vKp8Lw2Nx5Tb9',
    '9f8e7d6c5b4a39281706f5e4',
    'b7c1d0f2-9a3e-4c5d-8e6f-0a1b2c3d4e5f',
    '4929 1837 5501 8820 3',
  ])('accepts %s', (password) => {
    expect(validatePassword(password, owner)).toEqual([]);
  });

  it.each([
    'abcdefgh12345678',
    'qwertzuiop123456',
    'QwertyUiop[]asdf',
    'zyxwvutsrqponmlk',
    'aabbccddeeffgghh',
    '1q2w3e4r5t6z7u8i',
    '1qaz2wsx3edc4rfv',
    'mnbvcxzlkjhgfdsa',
    '!@#$%^&*()_+1234',
    'йцукенгшщзхъ1234',
    'abcdefgh84726152',
    'aaaaaaaabbbbbbbb',
  ])('rejects the sequence %s', (password) => {
    expect(validatePassword(password, owner)).not.toEqual([]);
  });

  it.each([
    'hedgehoghedgehog',
    'zebrafish-zebrafish',
    'zebrafish1zebrafish2',
    'ZebrafishZEBRAF15H',
    'zebrafish-hsifarbez',
    'moon1moon2moon3moon4',
    'v9#Lq2xwv9#Lq2xw',
    '🦊🐻🦉🐸🦊🐻🦉🐸🦊🐻🦉🐸🦊🐻🦉🐸',
  ])('counts a repetition as nothing: rejects %s', (password) => {
    expect(validatePassword(password, owner)).toEqual(['must have at least 15 characters that do not repeat earlier ones']);
  });

  it.each([
    'row row row your raft slowly',
    'to paint or not to paint, that was the choice',
    'the cat and the dog and the bird',
    'first student to define hijack',
    'anna saw a level racecar kayak',
    'mississippi banana bookkeeper',
    'trois canards nagent dans la soupe',
    'zwölf Boxkämpfer jagen Viktor',
    'μία γάτα κοιμάται στον ήλιο',
    '아침에는 커피를 두 잔 마신다',
    'I bike 12 km every tuesday',
    'moon over the lake',
  ])('accepts %s', (password) => {
    expect(validatePassword(password, owner)).toEqual([]);
  });

  it('rejects every way to write a known word, with whatever digits and punctuation', () => {
    const spell = (letter: string) => fc.constantFrom(letter, letter.toUpperCase(), ...(spellings[letter] ?? []));
    const word = fc
      .constantFrom('fieldgate', 'example', 'administrator', 'sunshine', 'liddell', 'gonzalez')
      .chain((plain) =>
        fc
          .tuple(fc.tuple(...[...plain].map(spell)), fc.boolean())
          .map(([letters, isReversed]) => (isReversed ? letters.toReversed() : letters).join('')),
      );
    const padding = fc.string({ unit: fc.constantFrom(...'0123456789!-_. '), maxLength: 8 });
    const password = fc.tuple(padding, fc.array(word, { minLength: 1, maxLength: 3 }), padding);
    fc.assert(
      fc.property(password, fc.constantFrom('', '-', ' ', '7'), ([before, words, after], separator) => {
        expect(validatePassword(before + words.join(separator) + after.padEnd(8, '2026!'), owner)).not.toEqual([]);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('accepts every phrase of 5 different words that are not known', () => {
    const words = 'otter plum lantern gravel cloud teapot willow saddle marble quilt fennel harbour pigeon copper ribbon walnut'.split(' ');
    fc.assert(
      fc.property(fc.shuffledSubarray(words, { minLength: 5, maxLength: 5 }), fc.constantFrom(' ', '-', ''), (chosen, separator) => {
        expect(validatePassword(chosen.join(separator), owner)).toEqual([]);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('rejects less than one random password in 500', () => {
    const rejected = (random: () => string) =>
      Array.from({ length: 2_000 }, random).filter((one) => validatePassword(one, owner).length > 0);
    expect(rejected(() => randomBytes(12).toString('base64')).length).toBeLessThan(4);
    expect(rejected(() => randomBytes(16).toString('hex')).length).toBeLessThan(4);
  });
});

describe('the error messages', () => {
  it('never repeat the password', () => {
    const refused = ['liddell', 'passwordpassword', 'alice-fieldgate', `${phrase}\0`, phrase.repeat(9)];
    for (const password of refused) {
      const [first, ...others] = validatePassword(password, alice);
      expect(first).toMatch(/^must /);
      expect([first, ...others].join()).not.toContain(password);
    }
  });
});
