import { describe, expect, it } from 'vitest';
import { clearedProfile } from '../../src/schema/user/profile-fields.ts';
import { anonymous, startTestServer } from '../test-server.ts';
import { exampleProfile } from './example-profile.ts';

const server = await startTestServer();

const fields = Object.keys(exampleProfile).join(' ');
const mutation = `mutation UpdateProfile($input: UpdateProfileInput!) { updateProfile(input: $input) { user { id ${fields} } } }`;
/** Clears every field: texts alternately by an empty text and by null. */
const clearing: Record<string, unknown> = Object.fromEntries(
  Object.entries(exampleProfile).map(([name, value], index) => [name, typeof value === 'string' && index % 2 === 0 ? '' : null]),
);

describe('updateProfile', () => {
  it('writes every field of the profile', async () => {
    const alice = await server.user();
    const { data } = await alice.query(mutation, { input: exampleProfile });
    expect(data.updateProfile.user).toEqual({ id: alice.id, ...exampleProfile });
  });

  it('keeps omitted fields and clears fields that are null or empty', async () => {
    const alice = await server.user();
    await alice.query(mutation, { input: exampleProfile });
    const { phone, ...others } = clearing;
    const { data } = await alice.query(mutation, { input: others });
    expect(data.updateProfile.user).toEqual({
      id: alice.id,
      ...clearedProfile,
      phone: exampleProfile.phone,
      avatarUrl: `${server.config.PUBLIC_URL}/avatars/${alice.uuid}.svg`,
    });
  });

  it.each([
    ['displayName', 'x'.repeat(121)],
    ['firstName', 'x'.repeat(121)],
    ['lastName', 'x'.repeat(121)],
    ['phone', '1'.repeat(41)],
    ['phone', '12-34'],
    ['phone', '12345x6'],
    ['phone', '١٢٣٤٥'],
    ['address', 'x'.repeat(2_001)],
    ['country', 'XK'],
    ['country', 'gb'],
    ['country', 'GBR'],
    ['locale', 'x-'],
    ['locale', 'en-abcdefgh-abcdefgh-abcdefgh-abcdefgh'],
    ['avatarUrl', 'http://example.com/a.png'],
    ['avatarUrl', 'javascript:alert(1)'],
    ['avatarUrl', 'https://exam\nple.com/'],
    ['avatarUrl', 'https://'],
    ['avatarUrl', `https://example.com/${'x'.repeat(2_048)}`],
    ['displayName', 'Ada\u0007'],
    ['displayName', 'Ada\u2028'],
    ['displayName', 'Ada\u202e'],
    ['displayName', 'A\u200bda'],
    ['displayName', 'Ada\nKing'],
    ['address', 'Lon\u202edon'],
  ])('rejects %s: %j', async (name, value) => {
    const alice = await server.user();
    const { code, errors } = await alice.query(mutation, { input: { lastName: 'King', [name]: value } });
    expect(code).toBe('INVALID_INPUT');
    expect(Object.keys(errors?.[0]?.extensions.fields ?? {})).toEqual([name]);
    expect(JSON.stringify(errors)).not.toContain(JSON.stringify(value).slice(1, -1));
    expect((await server.db.prisma.user.findUniqueOrThrow({ where: { id: alice.uuid } })).lastName).toBeNull();
  });

  it.each(['email', 'emailConfirmedAt', 'enabled', 'role', 'roles', 'userId', 'loginCount', 'password'])(
    'rejects the field %s',
    async (name) => {
      const alice = await server.user();
      const document = `mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { user { id } } }`;
      expect((await alice.query(document, { input: { [name]: 'x' } })).code).toBe('INVALID_INPUT');
    },
  );

  it.each(['12345', '+44 (0)20/7946-0958', '020.7946.0958'])('stores the phone number %j as entered', async (phone) => {
    const alice = await server.user();
    expect((await alice.query(mutation, { input: { phone } })).data.updateProfile.user?.phone).toBe(phone);
  });

  it('rejects an anonymous caller', async () => {
    expect((await anonymous(server).query(mutation, { input: {} })).code).toBe('UNAUTHENTICATED');
  });

  it('applies all concurrent changes of one user', async () => {
    const alice = await server.user();
    const inputs = [{ firstName: 'Ada' }, { lastName: 'King' }, { phone: '12345' }, { country: 'GB' }, { locale: 'en' }];
    const answers = await Promise.all(inputs.map((input) => alice.query(mutation, { input })));
    expect(answers.map(({ code }) => code)).toEqual(inputs.map(() => undefined));
    expect(await server.db.prisma.user.findUnique({ where: { id: alice.uuid } })).toMatchObject(Object.assign({}, ...inputs));
  });
});
