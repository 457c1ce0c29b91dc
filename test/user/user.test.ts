import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, startTestServer } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');
await server.domain('north-east', 'north');
await server.domain('south');

const query = graphql(`
  query User($id: ID!) {
    user(id: $id) {
      id
      email
      displayName
      roles {
        role {
          name
        }
        domain {
          name
        }
      }
    }
  }
`);
const logins = graphql(`
  query UserLogins($id: ID!) {
    user(id: $id) {
      email
      loginCount
    }
  }
`);
const unknown = () => encodeGlobalID('User', randomUUID());

describe('user', () => {
  it('returns any user to a platform administrator', async () => {
    const [admin, superadmin] = [await server.user('ADMIN'), await server.user('SUPERADMIN')];
    const { data } = await admin.query(query, { id: superadmin.id });
    expect(data.user).toMatchObject({
      id: superadmin.id,
      email: superadmin.email,
      roles: [{ role: { name: 'SUPERADMIN' }, domain: null }],
    });
  });

  it('returns only themselves to ordinary users, and the same error for others as for unknown users', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const other = await alice.query(query, { id: bob.id });
    const none = await alice.query(query, { id: unknown() });
    expect((await alice.query(query, { id: alice.id })).data.user?.email).toBe(alice.email);
    expect(other.code).toBe('NOT_FOUND');
    expect({ ...none, headers: null }).toEqual({ ...other, headers: null });
  });

  it('returns to domain administrators the members of their domains and child domains only', async () => {
    const admin = await server.user('ADMIN', 'north');
    const [inside, below, outside] = [
      await server.user('USER', 'north'),
      await server.user('USER', 'north-east'),
      await server.user('USER', 'south'),
    ];
    expect((await admin.query(query, { id: inside.id })).data.user?.email).toBe(inside.email);
    expect((await admin.query(query, { id: below.id })).data.user?.email).toBe(below.email);
    expect((await admin.query(query, { id: outside.id })).code).toBe('NOT_FOUND');
  });

  it('hides members of a parent domain from the administrator of a child', async () => {
    const admin = await server.user('ADMIN', 'north-east');
    const above = await server.user('USER', 'north');
    expect((await admin.query(query, { id: above.id })).code).toBe('NOT_FOUND');
  });

  it('hides ranked members from domain administrators', async () => {
    const admin = await server.user('ADMIN', 'north');
    const peer = await server.user('ADMIN', 'north');
    const superadmin = await server.user('SUPERADMIN');
    await server.grant(superadmin.uuid, 'USER', 'north');
    expect((await admin.query(query, { id: peer.id })).code).toBe('NOT_FOUND');
    expect((await admin.query(query, { id: superadmin.id })).code).toBe('NOT_FOUND');
  });

  it('shows domain administrators only the roles in their domains', async () => {
    const admin = await server.user('ADMIN', 'north');
    const member = await server.user('USER', 'north');
    await server.grant(member.uuid, 'USER', 'south');
    await server.grant(member.uuid, 'USER');
    expect((await admin.query(query, { id: member.id })).data.user?.roles).toEqual([{ role: { name: 'USER' }, domain: { name: 'north' } }]);
  });

  it.each([
    ['Ada', 'King', 'Ada King'],
    ['Ada', null, 'Ada'],
    [null, 'King', 'King'],
    [null, null, null],
  ])('combines first name %j and last name %j to fullName %j', async (firstName, lastName, fullName) => {
    const alice = await server.user();
    await server.db.prisma.user.update({ where: { id: alice.uuid }, data: { firstName, lastName } });
    expect((await alice.query('{ me { fullName } }')).data.me).toEqual({ fullName });
  });

  it('leaves out expired roles', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    await server.db.prisma.roleGrant.updateMany({ where: { userId: alice.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    expect((await admin.query(query, { id: alice.id })).data.user?.roles).toEqual([]);
  });

  it('shows logins to users with a higher rank, and null with an error to others', async () => {
    const [superadmin, admin, other, alice] = [
      await server.user('SUPERADMIN'),
      await server.user('ADMIN'),
      await server.user('ADMIN'),
      await server.user(),
    ];
    expect((await admin.query(logins, { id: alice.id })).data.user?.loginCount).toBe(1);
    expect((await superadmin.query(logins, { id: admin.id })).data.user?.loginCount).toBe(1);
    const { data, errors } = await admin.query(logins, { id: other.id });
    expect(data.user).toEqual({ email: other.email, loginCount: null });
    expect(errors).toMatchObject([{ path: ['user', 'loginCount'], extensions: { code: 'FORBIDDEN', coordinate: 'User.loginCount' } }]);
  });

  it('applies the same rules to a user that is reached through nested fields', async () => {
    const [admin, other] = [await server.user('ADMIN'), await server.user('ADMIN')];
    const { data, errors } = await admin.query(
      'query ($id: ID!) { user(id: $id) { roles { user { roles { user { email loginCount } } } } } }',
      {
        id: other.id,
      },
    );
    expect(data.user.roles[0].user.roles[0].user).toEqual({ email: other.email, loginCount: null });
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN']);
  });

  it('rejects ids of other types and malformed ids', async () => {
    const admin = await server.user('ADMIN');
    for (const id of [admin.tokenId, 'nonsense', '']) expect((await admin.query(query, { id })).code).toBe('INVALID_INPUT');
    expect((await admin.query(query, { id: encodeGlobalID('User', 'nonsense') })).code).toBe('NOT_FOUND');
  });

  it('rejects an anonymous caller', async () => {
    expect((await anonymous(server).query(query, { id: unknown() })).code).toBe('UNAUTHENTICATED');
  });
});
