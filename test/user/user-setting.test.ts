import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');

const query = graphql(`
  query UserSettings($id: ID!) {
    user(id: $id) {
      settings(first: 100) {
        totalCount
        edges {
          node {
            key
            value
          }
        }
      }
    }
  }
`);
const node = 'query ($id: ID!) { node(id: $id) { id ... on UserSetting { key value user { email } } } }';

const userWithSetting = async (...user: Parameters<typeof server.user>): Promise<TestUser & { setting: string }> => {
  const person = await server.user(...user);
  const { id } = await server.db.prisma.userSetting.create({ data: { userId: person.uuid, key: 'theme', value: 'dark' } });
  return Object.assign(person, { setting: encodeGlobalID('UserSetting', id) });
};
const users = {
  alice: await userWithSetting('USER', 'north'),
  bob: await userWithSetting(),
  domainAdmin: await userWithSetting('ADMIN', 'north'),
  admin: await userWithSetting('ADMIN'),
  other: await userWithSetting('ADMIN'),
  superadmin: await userWithSetting('SUPERADMIN'),
};
type Name = keyof typeof users;

describe('UserSetting', () => {
  it.each<[Name, Name[]]>([
    ['alice', ['alice']],
    ['bob', ['bob']],
    ['domainAdmin', ['domainAdmin']],
    ['admin', ['alice', 'bob', 'domainAdmin', 'admin']],
    ['superadmin', ['alice', 'bob', 'domainAdmin', 'admin', 'other', 'superadmin']],
  ])('can be read by %s if it belongs to one of %o, and is NOT_FOUND otherwise', async (viewer, owners) => {
    for (const [owner, { setting, email }] of Object.entries(users)) {
      const { data, code } = await users[viewer].query(node, { id: setting });
      if (owners.includes(owner as Name)) expect(data.node, owner).toMatchObject({ key: 'theme', value: 'dark', user: { email } });
      else expect(code, owner).toBe('NOT_FOUND');
    }
  });

  it('is not visible to anonymous callers', async () => {
    expect((await anonymous(server).query(node, { id: users.alice.setting })).code).toMatch(/NOT_FOUND|UNAUTHENTICATED/);
  });

  it('is listed and counted in User.settings', async () => {
    const { data } = await users.admin.query(query, { id: users.alice.id });
    expect(data.user?.settings).toEqual({ totalCount: 1, edges: [{ node: { key: 'theme', value: 'dark' } }] });
  });

  it('makes User.settings null with an error when the user is visible but the settings are not', async () => {
    for (const [viewer, owner] of [
      [users.domainAdmin, users.alice],
      [users.admin, users.other],
    ] as const) {
      const { data, errors } = await viewer.query(query, { id: owner.id });
      expect(data).toEqual({ user: { settings: null } });
      expect(errors).toMatchObject([{ path: ['user', 'settings'], extensions: { code: 'FORBIDDEN' } }]);
    }
  });
});
