import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { alike, nobody, open, type Person, type Role } from '../test-server.ts';

const world = await open();
await world.domain('north');

const mutation = graphql(`
  mutation EnableUser($input: EnableUserInput!) {
    enableUser(input: $input) {
      changed
      user {
        enabled
      }
    }
  }
`);
const disabled = async (role: Role = 'USER', domain?: string) => {
  const person = await world.user(role, domain);
  await world.db.prisma.user.update({ where: { id: person.uuid }, data: { enabled: false } });
  return person;
};
const enable = (by: Pick<Person, 'ask'>, id: string) => by.ask(mutation, { input: { id } });

describe('enableUser', () => {
  it('lets a disabled account sign in again', async () => {
    const [admin, alice] = [await world.user('ADMIN'), await disabled()];
    expect((await enable(admin, alice.id)).data.enableUser).toEqual({ changed: true, user: { enabled: true } });
    expect((await world.signIn(alice.email, alice.uuid)).id).toBe(alice.id);
  });

  it('changes nothing of an enabled account', async () => {
    const [admin, alice] = [await world.user('ADMIN'), await world.user()];
    expect((await enable(admin, alice.id)).data.enableUser).toEqual({ changed: false, user: { enabled: true } });
  });

  it('is for whoever outranks', async () => {
    const [superadmin, admin] = [await world.user('SUPERADMIN'), await world.user('ADMIN')];
    const [peer, above] = [await disabled('ADMIN'), await disabled('SUPERADMIN')];
    expect((await enable(admin, peer.id)).code).toBe('FORBIDDEN');
    expect((await enable(admin, above.id)).code).toBe('FORBIDDEN');
    expect((await enable(superadmin, peer.id)).data.enableUser.changed).toBe(true);
    expect((await enable(superadmin, above.id)).data.enableUser.changed).toBe(true);
  });

  it('is not for the administrator of a domain', async () => {
    const keeper = await world.user('ADMIN', 'north');
    expect((await enable(keeper, (await disabled('USER', 'north')).id)).code).toBe('FORBIDDEN');
  });

  it('is not for an ordinary user, who is told the same of another and of nobody', async () => {
    const [alice, bob] = [await world.user(), await disabled()];
    const other = await enable(alice, bob.id);
    expect(other.code).toBe('FORBIDDEN');
    expect(alike(await enable(alice, encodeGlobalID('User', randomUUID())))).toEqual(alike(other));
    expect((await enable(nobody(world), bob.id)).code).toBe('UNAUTHENTICATED');
  });

  it('is nothing that anybody does to themselves, or to nobody', async () => {
    const superadmin = await world.user('SUPERADMIN');
    expect((await enable(superadmin, superadmin.id)).code).toBe('SELF_ACTION_FORBIDDEN');
    expect((await enable(superadmin, encodeGlobalID('User', randomUUID()))).code).toBe('NOT_FOUND');
  });
});
