import { afterEach, describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser } from '../test-server.ts';
import { runConcurrently } from './run-concurrently.ts';

const server = await startTestServer();

const revoke = 'mutation ($id: ID!) { revokeRole(input: { userId: $id, role: "SUPERADMIN" }) { changed } }';
const disable = 'mutation ($id: ID!) { disableUser(input: { id: $id }) { changed } }';
const remove = 'mutation ($id: ID!) { deleteUser(input: { id: $id }) { changed } }';
const deleteAccount = 'mutation ($password: String!) { deleteAccount(input: { password: $password }) { ok } }';
const limit = 'mutation ($id: ID!, $end: DateTime!) { grantRole(input: { userId: $id, role: "SUPERADMIN", expiresAt: $end }) { changed } }';
const end = new Date(Date.now() + 3_600_000).toISOString();

/** The users who are superadmins now without an expiry. */
const superadmins = async () => {
  const role = { name: 'SUPERADMIN' };
  const grants = await server.db.prisma.roleGrant.findMany({
    where: { role, domainId: null, expiresAt: null, user: { enabled: true, deletedAt: null } },
  });
  return grants.map(({ userId }) => userId);
};
const refusals = [
  undefined,
  'LAST_SUPERADMIN',
  'FORBIDDEN',
  'NOT_FOUND',
  'SELF_ACTION_FORBIDDEN',
  'TOKEN_REVOKED',
  'ACCOUNT_DISABLED',
  'UNAVAILABLE',
];

describe('the last superadmin', () => {
  afterEach(() => server.db.prisma.roleGrant.deleteMany());

  it.each([revoke, limit])('cannot give up the role or limit it: %s', async (document) => {
    const only = await server.user('SUPERADMIN');
    const { code } = await only.query(document, { id: only.id, ...(document === limit && { end }) });
    expect(code).toBe('LAST_SUPERADMIN');
    expect(await superadmins()).toEqual([only.uuid]);
  });

  it('cannot delete their own account', async () => {
    const only = await server.user('SUPERADMIN');
    expect((await only.query(deleteAccount, { password: only.password })).code).toBe('LAST_SUPERADMIN');
    expect(await superadmins()).toEqual([only.uuid]);
  });

  it.each([revoke, disable, remove, limit])('cannot be removed by a superadmin whose own grant expires: %s', async (document) => {
    const [only, guest] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    await server.db.prisma.roleGrant.updateMany({ where: { userId: guest.uuid }, data: { expiresAt: new Date(end) } });
    const { code } = await guest.query(document, { id: only.id, ...(document === limit && { end }) });
    expect(code).toBe('LAST_SUPERADMIN');
    expect(await superadmins()).toEqual([only.uuid]);
  });

  it('is the one left when the other is disabled', async () => {
    const [only, disabled] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    await server.db.prisma.user.update({ where: { id: disabled.uuid }, data: { enabled: false } });
    expect((await only.query(revoke, { id: only.id })).code).toBe('LAST_SUPERADMIN');
  });

  it('is the one left when the other is deleted', async () => {
    const [only, gone] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    await only.query(remove, { id: gone.id });
    expect((await only.query(revoke, { id: only.id })).code).toBe('LAST_SUPERADMIN');
  });

  it('can give up the role when there is another superadmin', async () => {
    const [one, other] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    expect((await one.query(revoke, { id: one.id })).code).toBeUndefined();
    expect(await superadmins()).toEqual([other.uuid]);
  });

  it.each([revoke, disable, remove])('remains when two superadmins remove each other concurrently: %s', async (document) => {
    for (let round = 0; round < (isEmbedded ? 2 : 5); round += 1) {
      const [one, other] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
      const answers = await Promise.all([one.query(document, { id: other.id }), other.query(document, { id: one.id })]);
      expect(answers.filter(({ code }) => code === undefined)).toHaveLength(1);
      expect(await superadmins()).toHaveLength(1);
      await server.db.prisma.roleGrant.deleteMany();
    }
  });

  it('remains when two superadmins give up the role concurrently', async () => {
    const [one, other] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    const answers = await runConcurrently(
      server,
      () => one.query(revoke, { id: one.id }),
      () => other.query(revoke, { id: other.id }),
    );
    expect(answers.map(({ code }) => code).sort()).toEqual(['LAST_SUPERADMIN', undefined]);
    expect(await superadmins()).toHaveLength(1);
  });

  it('remains when two superadmins delete their accounts concurrently', async () => {
    const [one, other] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    const answers = await Promise.all([one, other].map((person) => person.query(deleteAccount, { password: person.password })));
    expect(answers.map(({ code }) => code).sort()).toEqual(['LAST_SUPERADMIN', undefined]);
    expect(await superadmins()).toHaveLength(1);
  });

  it('remains after 50 concurrent attempts of two superadmins to revoke, limit, disable and delete', async () => {
    const two: [TestUser, TestUser] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    const attempts = Array.from({ length: isEmbedded ? 20 : 50 }, (_, index) => {
      const document = [revoke, disable, limit, remove][index % 4] ?? revoke;
      const [by, target] = [two[index % 2], two[(index >> 2) % 2]] as [TestUser, TestUser];
      return by.query(document, { id: target.id, ...(document === limit && { end }) });
    });
    const answers = await Promise.all(attempts);
    expect(await superadmins()).toHaveLength(1);
    for (const { code } of answers) expect(refusals).toContain(code);
  });
});
