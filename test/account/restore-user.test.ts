import { describe, expect, it } from 'vitest';
import { outcomes } from '../mail/emails.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const remove = 'mutation ($input: DeleteUserInput!) { deleteUser(input: $input) { changed } }';
const mutation = 'mutation ($input: RestoreUserInput!) { restoreUser(input: $input) { changed user { deletedAt enabled } } }';
const restore = (by: Pick<TestUser, 'query'>, { id }: TestUser) => by.query(mutation, { input: { id } });

async function deleted(by: TestUser, data: object = {}) {
  const alice = await server.user();
  await prisma.user.update({ where: { id: alice.uuid }, data });
  await by.query(remove, { input: { id: alice.id } });
  return alice;
}

describe('restoreUser', () => {
  it('brings the account back: its owner logs in again, and what was signed in stays ended', async () => {
    const admin = await server.user('ADMIN');
    const alice = await deleted(admin);
    expect((await restore(admin, alice)).data.restoreUser).toEqual({ changed: true, user: { deletedAt: null, enabled: true } });
    expect((await alice.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
    expect((await (await server.logIn(alice.email, alice.uuid)).query('{ me { id } }')).data.me).toEqual({ id: alice.id });
  });

  it('brings it back disabled where it was', async () => {
    const admin = await server.user('ADMIN');
    const alice = await deleted(admin, { enabled: false });
    expect((await restore(admin, alice)).data.restoreUser).toEqual({ changed: true, user: { deletedAt: null, enabled: false } });
    await expect(server.logIn(alice.email, alice.uuid)).rejects.toThrow(/ACCOUNT_DISABLED/);
  });

  it('changes nothing of an account that is not deleted', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    expect((await restore(admin, alice)).data.restoreUser.changed).toBe(false);
    expect(await prisma.auditEvent.count({ where: { targetId: alice.uuid, reason: 'restored' } })).toBe(0);
  });

  it('brings nothing back that was erased', async () => {
    const superadmin = await server.user('SUPERADMIN');
    const alice = await server.user();
    await superadmin.query(remove, { input: { id: alice.id, erase: true } });
    expect(await restore(superadmin, alice)).toMatchObject({
      code: 'INVALID_INPUT',
      errors: [{ extensions: { fields: { id: expect.any(Array) } } }],
    });
    expect((await prisma.user.findUniqueOrThrow({ where: { id: alice.uuid } })).deletedAt).not.toBeNull();
  });

  it('is for whoever outranks', async () => {
    const [superadmin, admin] = [await server.user('SUPERADMIN'), await server.user('ADMIN')];
    const [peer, alice] = [await server.user('ADMIN'), await deleted(superadmin)];
    await superadmin.query(remove, { input: { id: peer.id } });
    expect((await restore(admin, peer)).code).toBe('FORBIDDEN');
    expect((await restore(await server.user(), alice)).code).toBe('FORBIDDEN');
    expect((await restore(superadmin, peer)).data.restoreUser.changed).toBe(true);
  });

  it('keeps the letter back that tells of the deletion, where it was not sent yet', async () => {
    const alice = await server.user();
    await prisma.mail.create({ data: { letter: 'accountDeleted', userId: alice.uuid, facts: { until: new Date().toISOString() } } });
    expect(await outcomes(server, 'accountDeleted', { userId: alice.uuid })).toEqual(['moot']);
  });
});
