import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');

const mutation = graphql(`
  mutation DeleteSetting($input: DeleteSettingInput!) {
    deleteSetting(input: $input) {
      deletedId
    }
  }
`);
const settingOf = async (owner: TestUser) => {
  const { id } = await server.db.prisma.userSetting.create({ data: { userId: owner.uuid, key: 'theme', value: 'dark' } });
  return encodeGlobalID('UserSetting', id);
};
const settingsOf = (owner: TestUser) => server.db.prisma.userSetting.count({ where: { userId: owner.uuid } });

describe('deleteSetting', () => {
  it('deletes a setting of the viewer once', async () => {
    const alice = await server.user();
    const id = await settingOf(alice);
    expect((await alice.query(mutation, { input: { id } })).data.deleteSetting.deletedId).toBe(id);
    expect((await alice.query(mutation, { input: { id } })).code).toBe('NOT_FOUND');
    expect(await settingsOf(alice)).toBe(0);
  });

  it('returns the same error for a setting of another user as for an unknown one, and keeps it', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const other = await alice.query(mutation, { input: { id: await settingOf(bob) } });
    const none = await alice.query(mutation, { input: { id: encodeGlobalID('UserSetting', randomUUID()) } });
    expect(other.code).toBe('NOT_FOUND');
    expect({ ...none, headers: null }).toEqual({ ...other, headers: null });
    expect(await settingsOf(bob)).toBe(1);
  });

  it('requires write access to the owner of the setting', async () => {
    const [admin, other, alice] = [await server.user('ADMIN'), await server.user('ADMIN'), await server.user('USER', 'north')];
    const domainAdmin = await server.user('ADMIN', 'north');
    expect((await domainAdmin.query(mutation, { input: { id: await settingOf(alice) } })).code).toBe('NOT_FOUND');
    expect((await admin.query(mutation, { input: { id: await settingOf(other) } })).code).toBe('NOT_FOUND');
    const [setting] = await server.db.prisma.userSetting.findMany({ where: { userId: alice.uuid } });
    expect((await admin.query(mutation, { input: { id: encodeGlobalID('UserSetting', setting?.id ?? '') } })).code).toBeUndefined();
  });

  it('rejects the id of another type', async () => {
    const alice = await server.user();
    expect((await alice.query(mutation, { input: { id: alice.id } })).code).toBe('INVALID_INPUT');
  });
});
