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

const keeping = async (...user: Parameters<typeof server.user>): Promise<TestUser & { setting: string }> => {
  const person = await server.user(...user);
  const { id } = await server.db.prisma.userSetting.create({ data: { userId: person.uuid, key: 'theme', value: 'dark' } });
  return Object.assign(person, { setting: encodeGlobalID('UserSetting', id) });
};
const cast = {
  alice: await keeping('USER', 'north'),
  bob: await keeping(),
  domainAdmin: await keeping('ADMIN', 'north'),
  admin: await keeping('ADMIN'),
  other: await keeping('ADMIN'),
  superadmin: await keeping('SUPERADMIN'),
};
type Name = keyof typeof cast;

describe('UserSetting', () => {
  it.each<[Name, Name[]]>([
    ['alice', ['alice']],
    ['bob', ['bob']],
    ['domainAdmin', ['domainAdmin']],
    ['admin', ['alice', 'bob', 'domainAdmin', 'admin']],
    ['superadmin', ['alice', 'bob', 'domainAdmin', 'admin', 'other', 'superadmin']],
  ])('is read by %s where it belongs to %o, and exists nowhere else', async (viewer, owners) => {
    for (const [owner, { setting, email }] of Object.entries(cast)) {
      const { data, code } = await cast[viewer].query(node, { id: setting });
      if (owners.includes(owner as Name)) expect(data.node, owner).toMatchObject({ key: 'theme', value: 'dark', user: { email } });
      else expect(code, owner).toBe('NOT_FOUND');
    }
  });

  it('exists for nobody who is not signed in', async () => {
    expect((await anonymous(server).query(node, { id: cast.alice.setting })).code).toMatch(/NOT_FOUND|UNAUTHENTICATED/);
  });

  it('is listed and counted under its user', async () => {
    const { data } = await cast.admin.query(query, { id: cast.alice.id });
    expect(data.user?.settings).toEqual({ totalCount: 1, edges: [{ node: { key: 'theme', value: 'dark' } }] });
  });

  it('is null with an error at its place where the user may be seen and the settings may not', async () => {
    for (const [viewer, owner] of [
      [cast.domainAdmin, cast.alice],
      [cast.admin, cast.other],
    ] as const) {
      const { data, errors } = await viewer.query(query, { id: owner.id });
      expect(data).toEqual({ user: { settings: null } });
      expect(errors).toMatchObject([{ path: ['user', 'settings'], extensions: { code: 'FORBIDDEN' } }]);
    }
  });
});
