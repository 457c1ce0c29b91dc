import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { open, type Person } from '../test-server.ts';

const world = await open();
await world.domain('north');

const mutation = graphql(`
  mutation DeleteSetting($input: DeleteSettingInput!) {
    deleteSetting(input: $input) {
      deletedId
    }
  }
`);
const settingOf = async (owner: Person) => {
  const { id } = await world.db.prisma.userSetting.create({ data: { userId: owner.uuid, key: 'theme', value: 'dark' } });
  return encodeGlobalID('UserSetting', id);
};
const settingsOf = (owner: Person) => world.db.prisma.userSetting.count({ where: { userId: owner.uuid } });

describe('deleteSetting', () => {
  it('deletes a setting of the viewer, once', async () => {
    const alice = await world.user();
    const id = await settingOf(alice);
    expect((await alice.ask(mutation, { input: { id } })).data.deleteSetting.deletedId).toBe(id);
    expect((await alice.ask(mutation, { input: { id } })).code).toBe('NOT_FOUND');
    expect(await settingsOf(alice)).toBe(0);
  });

  it("answers for another's setting as for an unknown one, and keeps it", async () => {
    const [alice, bob] = [await world.user(), await world.user()];
    const other = await alice.ask(mutation, { input: { id: await settingOf(bob) } });
    const none = await alice.ask(mutation, { input: { id: encodeGlobalID('UserSetting', randomUUID()) } });
    expect(other.code).toBe('NOT_FOUND');
    expect({ ...none, headers: null }).toEqual({ ...other, headers: null });
    expect(await settingsOf(bob)).toBe(1);
  });

  it('follows the right to write the owner', async () => {
    const [admin, other, alice] = [await world.user('ADMIN'), await world.user('ADMIN'), await world.user('USER', 'north')];
    const keeper = await world.user('ADMIN', 'north');
    expect((await keeper.ask(mutation, { input: { id: await settingOf(alice) } })).code).toBe('NOT_FOUND');
    expect((await admin.ask(mutation, { input: { id: await settingOf(other) } })).code).toBe('NOT_FOUND');
    const [setting] = await world.db.prisma.userSetting.findMany({ where: { userId: alice.uuid } });
    expect((await admin.ask(mutation, { input: { id: encodeGlobalID('UserSetting', setting?.id ?? '') } })).code).toBeUndefined();
  });

  it('refuses the id of anything else', async () => {
    const alice = await world.user();
    expect((await alice.ask(mutation, { input: { id: alice.id } })).code).toBe('INVALID_INPUT');
  });
});
