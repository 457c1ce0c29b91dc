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

const blanks = {
  spaces: '   ',
  'a no-break space': '\u00A0',
  'an ideographic space': '\u3000',
  'the Hangul fillers': '\u3164\u115F\u1160\uFFA0',
  'the braille blank': '\u2800',
  'zero-width characters': '\u200B\u200C\u200D\u2060',
  'a variation selector': '\uFE0F',
  'a combining mark': '\u0301',
  'several of them': ' \u2800\u3164\u3000 ',
};

const meaningful = {
  'a Persian word with ZWNJ': 'نمی\u200Cخواهم',
  'a Devanagari word with ZWJ': 'क्\u200Dष',
  'a Malayalam word that ends in ZWJ': 'അവന്\u200D',
  'an emoji of a family': '👨\u200D👩\u200D👧',
  'an emoji with a skin tone': '👩🏽\u200D💻',
  'an emoji with a variation selector': '🏳\uFE0F\u200D🌈',
  'the flag of Wales': '🏴\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}',
};

const hidden = {
  'a bidi override': 'a\u202Eb',
  'a bidi isolate': 'a\u2066b',
  'a zero-width space': 'a\u200Bb',
  'two joiners in a row': 'ن\u200C\u200Cخ',
  'a joiner at the end': 'Ada\u200D',
  'a joiner at the start': '\u200DAda',
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
});

describe('the URL of an avatar', () => {
  it.each(['https://user:pass@host/', 'https://user@host/', 'https://@host/', 'https://:@host/', 'HTTPS://u:p@host', 'https://a\\@host/'])(
    'must not contain a username or password: %s',
    async (avatarUrl) => {
      expect(
        (await alice.query('mutation ($url: String!) { updateProfile(input: { avatarUrl: $url }) { __typename } }', { url: avatarUrl }))
          .code,
      ).toBe('INVALID_INPUT');
    },
  );

  it.each(['https://host/@ada', 'https://host/?by=a@b', 'https://host/#a@b'])('may contain an @ after the host: %s', async (avatarUrl) => {
    expect(
      (await alice.query('mutation ($url: String!) { updateProfile(input: { avatarUrl: $url }) { __typename } }', { url: avatarUrl })).code,
    ).toBeUndefined();
  });
});
