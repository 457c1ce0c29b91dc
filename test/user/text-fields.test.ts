import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const [alice, superadmin] = [await server.user(), await server.user('SUPERADMIN')];
const { globalId: domainId } = await server.domain('north');
const { id: roleUuid } = await server.db.prisma.role.create({ data: { name: 'EDITOR' } });
const roleId = Buffer.from(`Role:${roleUuid}`).toString('base64');
const password = 'seven teal herons misread a map';
const unique = () => randomUUID().slice(0, 8);

/** Every mutation that takes text that people see, with that text. */
const uses: Record<
  string,
  (text: string) => Promise<{ code: string | undefined; errors: { extensions: Record<string, unknown> }[] | undefined }>
> = {
  'updateProfile displayName': (text) => send('updateProfile', { displayName: text }),
  'updateProfile firstName': (text) => send('updateProfile', { firstName: text }),
  'updateProfile lastName': (text) => send('updateProfile', { lastName: text }),
  'updateProfile address': (text) => send('updateProfile', { address: text }),
  'register displayName': (text) => send('register', { email: `${unique()}@example.com`, password, displayName: text }),
  'register device': (text) => send('register', { email: `${unique()}@example.com`, password, device: text }),
  'login device': (text) => send('login', { email: 'alice@example.com', password: 'guess', device: text }),
  'createApiToken description': (text) => send('createApiToken', { description: text, scopes: ['users:read'] }),
  'createUser displayName': (text) => send('createUser', { email: `${unique()}@example.com`, displayName: text }),
  'updateUser displayName': (text) => send('updateUser', { id: alice.id, displayName: text }),
  'createDomain displayName': (text) => send('createDomain', { name: `d-${unique()}`, displayName: text }),
  'updateDomain displayName': (text) => send('updateDomain', { id: domainId, displayName: text }),
  'createRole description': (text) => send('createRole', { name: `R_${unique().toUpperCase()}`, description: text }),
  'updateRole description': (text) => send('updateRole', { id: roleId, description: text }),
  'setSetting key': (text) => send('setSetting', { userId: alice.id, key: text }),
};

function send(mutation: string, input: object) {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input`;
  const document = `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename } }`;
  const caller = ['register', 'login'].includes(mutation) ? server : superadmin;
  return caller.query(document, { input });
}

const setAvatar = (url: string) =>
  alice.query('mutation ($url: String!) { updateProfile(input: { avatarUrl: $url }) { __typename } }', { url });

const blanks = {
  spaces: '   ',
  'a no-break space': '\u00A0',
  'an ideographic space': '\u3000',
  'the Hangul fillers': '\u3164\u115F\u1160\uFFA0',
  'the braille blank': '\u2800',
  'zero-width characters': '\u200B\u200C\u200D\u2060',
  'a variation selector': '\uFE0F',
  'a combining mark': '\u0301',
  'the blank hieroglyphs': '\u{13441}\u{13442}',
  'the null notehead': '\u{1D159}',
  'an object replacement': '\uFFFC',
  'several of them': ' \u2800\u3164\u3000 ',
};

const meaningful = {
  'a Persian word with ZWNJ': 'نمی\u200Cخواهم',
  'a Devanagari word with ZWJ': 'क्\u200Dष',
  'a Malayalam word that ends in ZWJ': 'അവന്\u200D',
  'an emoji of a family': '👨\u200D👩\u200D👧',
  'an emoji with a skin tone': '👩🏽\u200D💻',
  'an emoji with a variation selector': '🏳\uFE0F\u200D🌈',
  'a keycap': '1\uFE0F\u20E3',
  'a Japanese name with the form of an ideograph': '葛\u{E0100}城',
  'a Mongolian word with the form of a letter': 'ᠭ\u180Bᠠ',
  'words in braille': '⠁⠙⠁\u2800⠁⠙⠁',
  'a Vietnamese name, decomposed': 'Nguye\u0302\u0303n',
  'four combining marks in a row': 'a\u0301\u0302\u0303\u0304',
  'the flag of Wales': '🏴\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}',
};

const hidden = {
  'a bidi override': 'a\u202Eb',
  'a bidi isolate': 'a\u2066b',
  'a zero-width space': 'a\u200Bb',
  'two joiners in a row': 'ن\u200C\u200Cخ',
  'a joiner at the end': 'Ada\u200D',
  'a joiner at the start': '\u200DAda',
  'an isolated right-to-left mark': 'a\u200Fb',
  'a combining grapheme joiner': 'A\u034Fda',
  'a variation selector after a letter': 'A\uFE0Fda',
  'two variation selectors in a row': '葛\u{E0100}\u{E0101}城',
  'a Hangul filler inside': 'A\u3164da',
  'a braille blank inside': 'A\u2800da',
  'a blank hieroglyph inside': 'A\u{13441}da',
  'a Khmer inherent vowel': 'A\u17B5da',
  'an interlinear annotation': 'A\uFFF9da',
  'tags without a flag': 'a\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}',
};

describe.each(Object.entries(uses))('%s', (_, attempt) => {
  it('must not be blank', async () => {
    for (const [kind, text] of Object.entries(blanks)) {
      const answer = await attempt(text);
      expect(answer.code, kind).toBe('INVALID_INPUT');
      expect(JSON.stringify(answer.errors?.[0]?.extensions.fields), kind).toMatch(/must not be blank|invisible/);
    }
  });

  it('accepts the joiners that a script or an emoji needs', async () => {
    for (const [kind, text] of Object.entries(meaningful)) expect((await attempt(text)).code, kind).not.toBe('INVALID_INPUT');
  });

  it('must not contain characters that hide or reorder text', async () => {
    for (const [kind, text] of Object.entries(hidden)) expect((await attempt(text)).code, kind).toBe('INVALID_INPUT');
  });

  it('must not contain more than 4 combining marks in a row', async () => {
    for (const text of ['Z\u0301\u0302\u0303\u0304\u0305a', '\u1EAF\u0301\u0302\u0303', `a${'\u0335'.repeat(60)}`])
      expect((await attempt(text)).code).toBe('INVALID_INPUT');
  });
});

describe('the URL of an avatar', () => {
  it.each([
    'https:///user:pass@host/',
    'https:////user:pass@host/',
    'https:/user:pass@host/',
    'https:user:pass@host/',
    'https:\\\\user:pass@host/',
    'https://host\\@other/',
    'https://ho\tst/',
    'https://ho\nst/',
    'https://ho st/',
    ' https://host/',
    'https://ho%73t/',
    'https://',
    'https:///',
    'http://host/',
    'javascript://host/%0Aalert(1)',
    'data:image/png,https://host/',
  ])('must be read in the same way by every program: %j', async (avatarUrl) => {
    expect((await setAvatar(avatarUrl)).code).toBe('INVALID_INPUT');
  });

  it.each([
    'https://host:443/a',
    'https://HOST/a',
    'https://bücher.example/ä',
    'https://host?size=2',
    'https://[::1]/a',
    'https://h/%41%20',
  ])('may be %s', async (avatarUrl) => {
    expect((await setAvatar(avatarUrl)).code).toBeUndefined();
  });

  it.each([
    'https://user:pass@host/',
    'https://user%40host:x@host/',
    'https://user@host/',
    'https://@host/',
    'https://:@host/',
    'HTTPS://u:p@host',
    'https://a\\@host/',
  ])('must not contain a username or password: %s', async (avatarUrl) => {
    expect((await setAvatar(avatarUrl)).code).toBe('INVALID_INPUT');
  });

  it.each(['https://host/@ada', 'https://host/?by=a@b', 'https://host/#a@b'])('may contain an @ after the host: %s', async (avatarUrl) => {
    expect((await setAvatar(avatarUrl)).code).toBeUndefined();
  });
});
