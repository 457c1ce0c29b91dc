import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');

const mutation = graphql(`
  mutation SetSetting($input: SetSettingInput!) {
    setSetting(input: $input) {
      setting {
        id
        key
        value
        user {
          id
        }
      }
    }
  }
`);
const settingsOf = (userId: string) => server.db.prisma.userSetting.findMany({ where: { userId }, select: { key: true, value: true } });

describe('setSetting', () => {
  it('creates a setting of the viewer by default', async () => {
    const alice = await server.user();
    const { data } = await alice.query(mutation, { input: { key: 'theme', value: 'dark' } });
    expect(data.setSetting.setting).toMatchObject({ key: 'theme', value: 'dark', user: { id: alice.id } });
  });

  it('replaces the value of an existing key', async () => {
    const alice = await server.user();
    const first = await alice.query(mutation, { input: { key: 'theme', value: 'dark' } });
    const second = await alice.query(mutation, { input: { key: 'theme', value: 'light\nor not' } });
    expect(second.data.setSetting.setting?.id).toBe(first.data.setSetting.setting?.id);
    expect(await settingsOf(alice.uuid)).toEqual([{ key: 'theme', value: 'light\nor not' }]);
  });

  it.each([{}, { value: null }])('stores a key without a value for %o', async (rest) => {
    const alice = await server.user();
    await alice.query(mutation, { input: { key: 'theme', value: 'dark' } });
    await alice.query(mutation, { input: { key: 'theme', ...rest } });
    expect(await settingsOf(alice.uuid)).toEqual([{ key: 'theme', value: null }]);
  });

  it('returns the same error for another user as for an unknown one', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const other = await alice.query(mutation, { input: { userId: bob.id, key: 'a' } });
    const none = await alice.query(mutation, { input: { userId: encodeGlobalID('User', randomUUID()), key: 'a' } });
    expect(other.code).toBe('NOT_FOUND');
    expect({ ...none, headers: null }).toEqual({ ...other, headers: null });
    expect(await settingsOf(bob.uuid)).toEqual([]);
  });

  it("requires a higher rank than the owner's", async () => {
    const [superadmin, admin, other, alice] = [
      await server.user('SUPERADMIN'),
      await server.user('ADMIN'),
      await server.user('ADMIN'),
      await server.user(),
    ];
    const set = async (by: typeof alice, owner: typeof alice) => (await by.query(mutation, { input: { userId: owner.id, key: 'a' } })).code;
    expect(await set(admin, alice)).toBeUndefined();
    expect(await set(superadmin, admin)).toBeUndefined();
    expect(await set(admin, other)).toBe('FORBIDDEN');
    expect(await set(admin, superadmin)).toBe('FORBIDDEN');
    expect(await settingsOf(other.uuid)).toEqual([]);
  });

  it("rejects the administrator of the member's domain", async () => {
    const [domainAdmin, member] = [await server.user('ADMIN', 'north'), await server.user('USER', 'north')];
    expect((await domainAdmin.query(mutation, { input: { userId: member.id, key: 'a' } })).code).toBe('FORBIDDEN');
  });

  it.each([
    ['key', ''],
    ['key', '  '],
    ['key', 'x'.repeat(81)],
    ['key', 'a\tb'],
    ['value', 'x'.repeat(2_001)],
    ['value', 'a\u0007b'],
  ])('rejects a %s that is %j', async (name, value) => {
    const alice = await server.user();
    const { code, errors } = await alice.query(mutation, { input: { key: 'a', [name]: value } });
    expect(code).toBe('INVALID_INPUT');
    expect(Object.keys(errors?.[0]?.extensions.fields ?? {})).toEqual([name]);
  });

  it('rejects U+0000 even as an escape sequence', async () => {
    const alice = await server.user();
    const { code } = await alice.query('mutation { setSetting(input: { key: "a", value: "\\u0000" }) { setting { id } } }');
    expect(code).toBe('INVALID_INPUT');
  });

  it('allows 200 settings, whose values can still be changed, and rejects one more', async () => {
    const alice = await server.user();
    const rows = Array.from({ length: 200 }, (_, index) => ({ userId: alice.uuid, key: `k${index}` }));
    await server.db.prisma.userSetting.createMany({ data: rows });
    expect((await alice.query(mutation, { input: { key: 'k7', value: 'new' } })).code).toBeUndefined();
    const { code, errors } = await alice.query(mutation, { input: { key: 'more' } });
    expect([code, errors?.[0]?.extensions.fields]).toEqual(['INVALID_INPUT', { key: ['must not exceed 200 settings per user'] }]);
    expect(await settingsOf(alice.uuid)).toHaveLength(200);
  });

  it('accepts concurrent calls of one user and stores one row for each key', async () => {
    const alice = await server.user();
    const keys = ['a', 'b', 'c', 'd', 'd', 'd'];
    const answers = await Promise.all(keys.map((key) => alice.query(mutation, { input: { key, value: key } })));
    expect(answers.map(({ code }) => code)).toEqual(keys.map(() => undefined));
    expect((await settingsOf(alice.uuid)).map(({ key }) => key).sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('rejects an anonymous caller', async () => {
    expect((await anonymous(server).query(mutation, { input: { key: 'a' } })).code).toBe('UNAUTHENTICATED');
  });
});
