import { afterEach, describe, expect, it } from 'vitest';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser } from '../test-server.ts';
import { runConcurrently } from './run-concurrently.ts';

const server = await startTestServer();

const revoke = 'mutation ($id: ID!) { revokeRole(input: { userId: $id, role: "SUPERADMIN" }) { changed } }';
const disable = 'mutation ($id: ID!) { disableUser(input: { id: $id }) { changed } }';
const remove = 'mutation ($id: ID!) { deleteUser(input: { id: $id }) { changed } }';
const leave = 'mutation ($password: String!) { deleteAccount(input: { password: $password }) { ok } }';
const limit = 'mutation ($id: ID!, $end: DateTime!) { grantRole(input: { userId: $id, role: "SUPERADMIN", expiresAt: $end }) { changed } }';
const end = new Date(Date.now() + 3_600_000).toISOString();

/** Those who are superadmins now, without an end. */
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

  it.each([revoke, limit])('stays one, also against their own will: %s', async (document) => {
    const only = await server.user('SUPERADMIN');
    const { code } = await only.query(document, { id: only.id, ...(document === limit && { end }) });
    expect(code).toBe('LAST_SUPERADMIN');
    expect(await superadmins()).toEqual([only.uuid]);
  });

  it('does not delete their own account', async () => {
    const only = await server.user('SUPERADMIN');
    expect((await only.query(leave, { password: only.password })).code).toBe('LAST_SUPERADMIN');
    expect(await superadmins()).toEqual([only.uuid]);
  });

  it.each([revoke, disable, remove, limit])('is not removed by one whose own time is limited: %s', async (document) => {
    const [only, guest] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    await server.db.prisma.roleGrant.updateMany({ where: { userId: guest.uuid }, data: { expiresAt: new Date(end) } });
    const { code } = await guest.query(document, { id: only.id, ...(document === limit && { end }) });
    expect(code).toBe('LAST_SUPERADMIN');
    expect(await superadmins()).toEqual([only.uuid]);
  });

  it('does not count a disabled one', async () => {
    const [only, shut] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    await server.db.prisma.user.update({ where: { id: shut.uuid }, data: { enabled: false } });
    expect((await only.query(revoke, { id: only.id })).code).toBe('LAST_SUPERADMIN');
  });

  it('does not count a deleted one', async () => {
    const [only, gone] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    await only.query(remove, { id: gone.id });
    expect((await only.query(revoke, { id: only.id })).code).toBe('LAST_SUPERADMIN');
  });

  it('may go when there is another', async () => {
    const [one, other] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    expect((await one.query(revoke, { id: one.id })).code).toBeUndefined();
    expect(await superadmins()).toEqual([other.uuid]);
  });

  it.each([revoke, disable, remove])('is left when two remove each other at the same moment: %s', async (document) => {
    for (let round = 0; round < (isEmbedded ? 2 : 5); round += 1) {
      const [one, other] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
      const answers = await Promise.all([one.query(document, { id: other.id }), other.query(document, { id: one.id })]);
      expect(answers.filter(({ code }) => code === undefined)).toHaveLength(1);
      expect(await superadmins()).toHaveLength(1);
      await server.db.prisma.roleGrant.deleteMany();
    }
  });

  it('is left when two step down at the same moment', async () => {
    const [one, other] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    const answers = await runConcurrently(
      server,
      () => one.query(revoke, { id: one.id }),
      () => other.query(revoke, { id: other.id }),
    );
    expect(answers.map(({ code }) => code).sort()).toEqual(['LAST_SUPERADMIN', undefined]);
    expect(await superadmins()).toHaveLength(1);
  });

  it('is left when two delete their accounts at the same moment', async () => {
    const [one, other] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    const answers = await Promise.all([one, other].map((person) => person.query(leave, { password: person.password })));
    expect(answers.map(({ code }) => code).sort()).toEqual(['LAST_SUPERADMIN', undefined]);
    expect(await superadmins()).toHaveLength(1);
  });

  it('is left of two by 50 attempts at the same moment to take the role, to limit it, to disable, and to delete', async () => {
    const two: [TestUser, TestUser] = [await server.user('SUPERADMIN'), await server.user('SUPERADMIN')];
    const attempts = Array.from({ length: isEmbedded ? 20 : 50 }, (_, index) => {
      const document = [revoke, disable, limit, remove][index % 4] ?? revoke;
      const [by, whom] = [two[index % 2], two[(index >> 2) % 2]] as [TestUser, TestUser];
      return by.query(document, { id: whom.id, ...(document === limit && { end }) });
    });
    const answers = await Promise.all(attempts);
    expect(await superadmins()).toHaveLength(1);
    for (const { code } of answers) expect(refusals).toContain(code);
  });
});
