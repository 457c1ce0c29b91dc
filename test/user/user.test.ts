import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { nobody, open } from '../test-server.ts';

const world = await open();
await world.domain('north');
await world.domain('north-east', 'north');
await world.domain('south');

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
  it('answers every user to an administrator', async () => {
    const [admin, superadmin] = [await world.user('ADMIN'), await world.user('SUPERADMIN')];
    const { data } = await admin.ask(query, { id: superadmin.id });
    expect(data.user).toMatchObject({
      id: superadmin.id,
      email: superadmin.email,
      roles: [{ role: { name: 'SUPERADMIN' }, domain: null }],
    });
  });

  it('answers to an ordinary user nobody else, and another like an unknown one', async () => {
    const [alice, bob] = [await world.user(), await world.user()];
    const other = await alice.ask(query, { id: bob.id });
    const none = await alice.ask(query, { id: unknown() });
    expect((await alice.ask(query, { id: alice.id })).data.user?.email).toBe(alice.email);
    expect(other.code).toBe('NOT_FOUND');
    expect({ ...none, headers: null }).toEqual({ ...other, headers: null });
  });

  it('answers the members of own domains and of those below to a domain administrator, and nobody else', async () => {
    const admin = await world.user('ADMIN', 'north');
    const [inside, below, outside] = [
      await world.user('USER', 'north'),
      await world.user('USER', 'north-east'),
      await world.user('USER', 'south'),
    ];
    expect((await admin.ask(query, { id: inside.id })).data.user?.email).toBe(inside.email);
    expect((await admin.ask(query, { id: below.id })).data.user?.email).toBe(below.email);
    expect((await admin.ask(query, { id: outside.id })).code).toBe('NOT_FOUND');
  });

  it('hides the members of a parent domain from an administrator of its child', async () => {
    const admin = await world.user('ADMIN', 'north-east');
    const above = await world.user('USER', 'north');
    expect((await admin.ask(query, { id: above.id })).code).toBe('NOT_FOUND');
  });

  it('hides whoever has a rank from a domain administrator, though a member', async () => {
    const admin = await world.user('ADMIN', 'north');
    const peer = await world.user('ADMIN', 'north');
    const superadmin = await world.user('SUPERADMIN');
    await world.grant(superadmin.uuid, 'USER', 'north');
    expect((await admin.ask(query, { id: peer.id })).code).toBe('NOT_FOUND');
    expect((await admin.ask(query, { id: superadmin.id })).code).toBe('NOT_FOUND');
  });

  it('shows a domain administrator of a member only the roles in own domains', async () => {
    const admin = await world.user('ADMIN', 'north');
    const member = await world.user('USER', 'north');
    await world.grant(member.uuid, 'USER', 'south');
    await world.grant(member.uuid, 'USER');
    expect((await admin.ask(query, { id: member.id })).data.user?.roles).toEqual([{ role: { name: 'USER' }, domain: { name: 'north' } }]);
  });

  it.each([
    ['Ada', 'King', 'Ada King'],
    ['Ada', null, 'Ada'],
    [null, 'King', 'King'],
    [null, null, null],
  ])('calls whose first name is %j and last name %j by the full name %j', async (firstName, lastName, fullName) => {
    const alice = await world.user();
    await world.db.prisma.user.update({ where: { id: alice.uuid }, data: { firstName, lastName } });
    expect((await alice.ask('{ me { fullName } }')).data.me).toEqual({ fullName });
  });

  it('leaves out roles whose time is over', async () => {
    const [admin, alice] = [await world.user('ADMIN'), await world.user()];
    await world.db.prisma.roleGrant.updateMany({ where: { userId: alice.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    expect((await admin.ask(query, { id: alice.id })).data.user?.roles).toEqual([]);
  });

  it('shows logins to whoever outranks, and null with an error at its place to others', async () => {
    const [superadmin, admin, other, alice] = [
      await world.user('SUPERADMIN'),
      await world.user('ADMIN'),
      await world.user('ADMIN'),
      await world.user(),
    ];
    expect((await admin.ask(logins, { id: alice.id })).data.user?.loginCount).toBe(1);
    expect((await superadmin.ask(logins, { id: admin.id })).data.user?.loginCount).toBe(1);
    const { data, errors } = await admin.ask(logins, { id: other.id });
    expect(data.user).toEqual({ email: other.email, loginCount: null });
    expect(errors).toMatchObject([{ path: ['user', 'loginCount'], extensions: { code: 'FORBIDDEN', coordinate: 'User.loginCount' } }]);
  });

  it('keeps to the same rule however a user is reached', async () => {
    const [admin, other] = [await world.user('ADMIN'), await world.user('ADMIN')];
    const { data, errors } = await admin.ask(
      'query ($id: ID!) { user(id: $id) { roles { user { roles { user { email loginCount } } } } } }',
      {
        id: other.id,
      },
    );
    expect(data.user.roles[0].user.roles[0].user).toEqual({ email: other.email, loginCount: null });
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN']);
  });

  it('refuses ids of other types and what is no id', async () => {
    const admin = await world.user('ADMIN');
    for (const id of [admin.tokenId, 'nonsense', '']) expect((await admin.ask(query, { id })).code).toBe('INVALID_INPUT');
    expect((await admin.ask(query, { id: encodeGlobalID('User', 'nonsense') })).code).toBe('NOT_FOUND');
  });

  it('asks nobody to sign in', async () => {
    expect((await nobody(world).ask(query, { id: unknown() })).code).toBe('UNAUTHENTICATED');
  });
});
