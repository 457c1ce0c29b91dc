import { describe, expect, it } from 'vitest';
import { outcomes } from '../mail/emails.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const remove = 'mutation ($input: DeleteUserInput!) { deleteUser(input: $input) { changed } }';
const mutation = 'mutation ($input: RestoreUserInput!) { restoreUser(input: $input) { changed user { deletedAt enabled } } }';
const restore = (by: Pick<TestUser, 'query'>, { id }: TestUser) => by.query(mutation, { input: { id } });

async function createDeletedUser(by: TestUser, data: object = {}) {
  const alice = await server.user();
  await prisma.user.update({ where: { id: alice.uuid }, data });
  await by.query(remove, { input: { id: alice.id } });
  return alice;
}

describe('restoreUser', () => {
  it('restores the account: the owner can log in again, and revoked tokens stay revoked', async () => {
    const admin = await server.user('ADMIN');
    const alice = await createDeletedUser(admin);
    expect((await restore(admin, alice)).data.restoreUser).toEqual({ changed: true, user: { deletedAt: null, enabled: true } });
    expect((await alice.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
    expect((await (await server.logIn(alice.email, alice.uuid)).query('{ me { id } }')).data.me).toEqual({ id: alice.id });
  });

  it('restores a disabled account as disabled', async () => {
    const admin = await server.user('ADMIN');
    const alice = await createDeletedUser(admin, { enabled: false });
    expect((await restore(admin, alice)).data.restoreUser).toEqual({ changed: true, user: { deletedAt: null, enabled: false } });
    await expect(server.logIn(alice.email, alice.uuid)).rejects.toThrow(/ACCOUNT_DISABLED/);
  });

  it('returns changed: false for an account that is not deleted', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    expect((await restore(admin, alice)).data.restoreUser.changed).toBe(false);
    expect(await prisma.auditEvent.count({ where: { targetId: alice.uuid, reason: 'restored' } })).toBe(0);
  });

  it('rejects an erased account', async () => {
    const superadmin = await server.user('SUPERADMIN');
    const alice = await server.user();
    await superadmin.query(remove, { input: { id: alice.id, erase: true } });
    expect(await restore(superadmin, alice)).toMatchObject({
      code: 'INVALID_INPUT',
      errors: [{ extensions: { fields: { id: expect.any(Array) } } }],
    });
    expect((await prisma.user.findUniqueOrThrow({ where: { id: alice.uuid } })).deletedAt).not.toBeNull();
  });

  it('requires a higher rank', async () => {
    const [superadmin, admin] = [await server.user('SUPERADMIN'), await server.user('ADMIN')];
    const [peer, alice] = [await server.user('ADMIN'), await createDeletedUser(superadmin)];
    await superadmin.query(remove, { input: { id: peer.id } });
    expect((await restore(admin, peer)).code).toBe('FORBIDDEN');
    expect((await restore(await server.user(), alice)).code).toBe('FORBIDDEN');
    expect((await restore(superadmin, peer)).data.restoreUser.changed).toBe(true);
  });

  it('cancels the email about the deletion if it has not been sent yet', async () => {
    const alice = await server.user();
    await prisma.outboxEmail.create({
      data: { template: 'accountDeleted', userId: alice.uuid, data: { until: new Date().toISOString() } },
    });
    expect(await outcomes(server, 'accountDeleted', { userId: alice.uuid })).toEqual(['obsolete']);
  });
});
