import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { anonymous, comparableResult, type Role, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');

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
const createDisabledUser = async (role: Role = 'USER', domain?: string) => {
  const person = await server.user(role, domain);
  await server.db.prisma.user.update({ where: { id: person.uuid }, data: { enabled: false } });
  return person;
};
const enable = (by: Pick<TestUser, 'query'>, id: string) => by.query(mutation, { input: { id } });

describe('enableUser', () => {
  it('allows a disabled account to log in again', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await createDisabledUser()];
    expect((await enable(admin, alice.id)).data.enableUser).toEqual({ changed: true, user: { enabled: true } });
    expect((await server.logIn(alice.email, alice.uuid)).id).toBe(alice.id);
  });

  it('returns changed: false for an enabled account', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    expect((await enable(admin, alice.id)).data.enableUser).toEqual({ changed: false, user: { enabled: true } });
  });

  it('requires a higher rank', async () => {
    const [superadmin, admin] = [await server.user('SUPERADMIN'), await server.user('ADMIN')];
    const [peer, above] = [await createDisabledUser('ADMIN'), await createDisabledUser('SUPERADMIN')];
    expect((await enable(admin, peer.id)).code).toBe('FORBIDDEN');
    expect((await enable(admin, above.id)).code).toBe('FORBIDDEN');
    expect((await enable(superadmin, peer.id)).data.enableUser.changed).toBe(true);
    expect((await enable(superadmin, above.id)).data.enableUser.changed).toBe(true);
  });

  it('rejects domain administrators', async () => {
    const domainAdmin = await server.user('ADMIN', 'north');
    expect((await enable(domainAdmin, (await createDisabledUser('USER', 'north')).id)).code).toBe('FORBIDDEN');
  });

  it('rejects ordinary users with the same error for any user, and anonymous callers', async () => {
    const [alice, bob] = [await server.user(), await createDisabledUser()];
    const other = await enable(alice, bob.id);
    expect(other.code).toBe('FORBIDDEN');
    expect(comparableResult(await enable(alice, encodeGlobalID('User', randomUUID())))).toEqual(comparableResult(other));
    expect((await enable(anonymous(server), bob.id)).code).toBe('UNAUTHENTICATED');
  });

  it("rejects one's own account and an unknown user", async () => {
    const superadmin = await server.user('SUPERADMIN');
    expect((await enable(superadmin, superadmin.id)).code).toBe('SELF_ACTION_FORBIDDEN');
    expect((await enable(superadmin, encodeGlobalID('User', randomUUID()))).code).toBe('NOT_FOUND');
  });
});
