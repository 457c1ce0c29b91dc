import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { validatePassword } from '../../src/identity/credentials/password-policy.ts';
import { commonWords } from '../../src/identity/credentials/passwords/common-words.ts';
import { knownPhrases } from '../../src/identity/credentials/passwords/known-phrases.ts';
import { startTestServer } from '../test-server.ts';

const alice = { email: 'alice.liddell@wonder-land.example', words: ['Fieldgate'], min: 15 };
const common = 'must not be a password that is known from breaches or easy to guess';
const faultsOf = (password: string) => validatePassword(password, alice);

describe('a new password that is a well-known phrase', () => {
  it.each([
    'correcthorsebatterystaple',
    'Correct-Horse-Battery-Staple-1',
    'c0rrecth0rseb4tterystaple!',
    'elpatsyrettabesrohtcerroc',
    'thequickbrownfox',
    'The quick brown fox jumps over the lazy dog.',
    'maytheforcebewithyou',
    'MayThe4orceBeWithYou!!',
    'onceuponatime123',
    'Once upon a time, 2026',
    'whatisthematrix1',
    'youshallnotpass!!',
    'W1nter.1s.Coming.2024',
    'tobeornottobethatisthequestion',
    'nevergonnagiveyouup',
    'es war einmal 1234567',
    'çaira! Joyeux anniversaire',
  ])('is rejected: %s', (password) => {
    expect(faultsOf(password)).toEqual([common]);
  });

  it.each(['thequikbrownfoxjumps', 'maytheforcebwithyou!', 'wath is the matrix 12'])('is rejected with a typing error: %s', (password) => {
    expect(faultsOf(password)).toEqual([common]);
  });

  it('is rejected in every spelling with separators, capitals, digits and punctuation around it', () => {
    const phrase = fc.constantFrom(...knownPhrases.filter(({ length }) => length >= 13));
    const ends = fc.constantFrom('', '1', '123', '!', '!!', '#1', '99', '2026', '?!');
    const spelling = fc.tuple(phrase, fc.constantFrom('', ' ', '-', '_', '.'), fc.integer({ min: 3, max: 7 }), ends, fc.boolean());
    fc.assert(
      fc.property(spelling, ([text, separator, length, end, isCapital]) => {
        const parts = text
          .match(new RegExp(`.{1,${length}}`, 'g'))
          ?.map((part) => (isCapital ? part.charAt(0).toUpperCase() + part.slice(1) : part));
        const password = `${parts?.join(separator)}${end}`;
        expect(password.length < 15 || faultsOf(password).length > 0, password).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is rejected by register', async () => {
    const server = await startTestServer();
    const document = 'mutation ($input: RegisterInput!) { register(input: $input) { session { token { id } } } }';
    const register = (password: string) => server.query(document, { input: { email: 'ada@example.com', password } });
    expect((await register('maytheforcebewithyou')).code).toBe('INVALID_INPUT');
    expect((await register('horses of the correct battery')).code).toBeUndefined();
  });
});

const words =
  `apple anchor basket beacon beetle bottle branch bridge bucket button cactus camera candle canyon carbon castle cellar cheese circle
  cobweb coffee copper cotton cradle crayon curtain desert dinner donkey drawer feather fennel fiddle flower forest fossil galaxy garden garlic ginger
  glacier gravel hammer harbour helmet hollow honest island jacket jungle kettle kitten ladder lantern lemon lizard magnet marble meadow mirror mitten
  moment muffin napkin needle nickel noodle ocean onion orange otter oyster paddle parrot pebble pencil pepper picnic pigeon pillow planet plum pocket
  potato puzzle quilt rabbit radish ribbon river rocket saddle salmon sandal shadow silver spider spoon spring statue stove summit teapot thread ticket
  timber tomato tunnel turtle valley velvet violin walnut wander whisker willow window winter wizard yellow zebra`.split(/\s+/);

describe('a new password of random words', () => {
  it('is accepted if it has 4 or more words that are not common, with any separator', () => {
    const uncommon = words.filter((word) => !commonWords.includes(word));
    expect(uncommon.length).toBeGreaterThan(100);
    const passphrase = fc.tuple(
      fc.uniqueArray(fc.constantFrom(...uncommon), { minLength: 4, maxLength: 7 }),
      fc.constantFrom('', ' ', '-', '.'),
    );
    fc.assert(
      fc.property(passphrase, ([chosen, separator]) => {
        const password = chosen.join(separator);
        expect([password, password.length < 15 ? [] : faultsOf(password)]).toEqual([password, []]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is accepted if it contains a phrase and enough other text', () => {
    expect(faultsOf('once upon a time otters quilted pigeons')).toEqual([]);
  });
});
