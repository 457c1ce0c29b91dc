import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { clearedProfile } from '../../src/schema/user/profile-fields.ts';
import { runJobs } from '../jobs.ts';
import { emailTo, outcomes } from '../mail/emails.ts';
import { startTestServer, type TestUser } from '../test-server.ts';
import { exampleProfile } from '../user/example-profile.ts';

const server = await startTestServer();
const { prisma } = server.db;
await server.domain('north');
await prisma.role.create({ data: { name: 'READER', permissions: ['users:read'] } });
const superadmin = await server.user('SUPERADMIN');

const remove = 'mutation ($input: DeleteUserInput!) { deleteUser(input: $input) { changed } }';
const erase = ({ id }: TestUser) => superadmin.query(remove, { input: { id, erase: true } });
const past = new Date(Date.now() - 1_000);

/** A user with a value in every column and a row in every table. */
async function createFullUser() {
  const alice = await server.user('READER', 'north');
  const secret = `a secret of ${alice.uuid}`.slice(0, 35);
  const profile = {
    ...exampleProfile,
    displayName: secret,
    firstName: secret,
    lastName: secret,
    phone: secret,
    address: secret,
    avatarUrl: `https://example.com/${alice.uuid}`,
  };
  const username = { username: `a${alice.uuid.slice(-12)}`, usernameKey: `a${alice.uuid.slice(-12)}` };
  const logins = { loginCount: 9, currentLoginFrom: secret, lastLoginFrom: secret, lastLoginAt: new Date(), currentLoginAt: new Date() };
  await prisma.user.update({
    where: { id: alice.uuid },
    data: { ...profile, ...username, ...logins },
  });
  await prisma.token.updateMany({
    where: { userId: alice.uuid },
    data: { description: secret, createdFrom: secret, userAgent: secret, reuseFrom: secret },
  });
  const userId = alice.uuid;
  await prisma.userSetting.create({ data: { userId, key: 'theme', value: secret } });
  await prisma.fieldRead.create({ data: { userId, actorId: superadmin.uuid, field: 'User.phone', via: 'admin', day: past, at: past } });
  const { id: roleId } = await prisma.role.findUniqueOrThrow({ where: { name: 'USER' } });
  const invited = { email: alice.email, emailKey: alice.email, roleId, invitedById: superadmin.uuid, expiresAt: past };
  await prisma.invitation.create({ data: invited });
  await prisma.reservedEmail.create({
    data: { userId, email: `old-${alice.email}`, emailKey: `old-${alice.email}`, expiresAt: new Date(Date.now() + 60_000) },
  });
  await server.query('mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }', {
    input: { email: alice.email },
  });
  await emailTo(server, alice.uuid, 'passwordReset');
  return { alice, secret };
}

describe('erasing an account', () => {
  it('leaves a row without personal data', async () => {
    const { alice } = await createFullUser();
    const before = await prisma.user.findUniqueOrThrow({ where: { id: alice.uuid } });
    expect(Object.entries(before).filter(([name, value]) => value === null && !/^(deleted|erase)/.test(name))).toEqual([]);
    await erase(alice);
    const { id, email, emailKey, enabled, createdAt, updatedAt, deletedAt, eraseAt, erasedAt, loginCount, accessVersion, ...rest } =
      await prisma.user.findUniqueOrThrow({ where: { id: alice.uuid } });
    expect(rest).toMatchObject(clearedProfile);
    const account = Object.entries(rest).filter(([name]) => !(name in clearedProfile));
    expect(account.filter(([, value]) => value !== null)).toEqual([]);
    expect({ id, email, emailKey, enabled, createdAt, loginCount }).toEqual({
      id: alice.uuid,
      email: `${alice.uuid}@erased.invalid`,
      emailKey: alice.uuid,
      enabled: true,
      createdAt: before.createdAt,
      loginCount: 0,
    });
    expect([updatedAt, deletedAt, eraseAt, erasedAt]).not.toContain(null);
    expect(accessVersion).toBeGreaterThan(before.accessVersion);
  });

  it('leaves no rows of the user except audit events, revoked tokens and their revocations', async () => {
    const { alice } = await createFullUser();
    await erase(alice);
    const tables = await server.db.query<{ name: string }>(
      sql`select table_name as name from information_schema.columns where table_schema = 'public' and column_name = 'userId' order by 1`,
    );
    const left = [];
    for (const { name } of tables) {
      const text = `select count(*)::int as count from "${name}" where "userId" = $1`;
      const [row] = await server.db.query<{ count: number }>({ text, values: [alice.uuid] });
      if (row?.count) left.push(name);
    }
    expect(left).toEqual(['AuditEvent', 'Token', 'TokenRevocation']);
    expect(await prisma.tokenSecret.count({ where: { token: { userId: alice.uuid } } })).toBe(0);
  });

  it('leaves no personal data in any column of any table', async () => {
    const { alice, secret } = await createFullUser();
    await erase(alice);
    const tables = await server.db.query<{ name: string }>(
      sql`select table_name as name from information_schema.tables where table_schema = 'public' order by 1`,
    );
    for (const { name } of tables) {
      const rows = JSON.stringify(await server.db.query({ text: `select t::text from "${name}" t`, values: [] }));
      for (const hidden of [secret, alice.email]) expect(rows.includes(hidden), name).toBe(false);
    }
  });

  it('keeps the revocation log and the audit, which refer to the id', async () => {
    const { alice } = await createFullUser();
    const log = () => prisma.tokenRevocation.findMany({ where: { userId: alice.uuid }, select: { tokenId: true, reason: true } });
    await superadmin.query(remove, { input: { id: alice.id } });
    const before = await log();
    await erase(alice);
    expect(await log()).toEqual(before);
    expect(before).not.toEqual([]);
    const where = { targetId: alice.uuid, action: 'user_deleted' };
    expect(await prisma.auditEvent.findMany({ where })).toMatchObject([{ actorId: superadmin.uuid, reason: 'erased', userId: alice.uuid }]);
    const read = 'query ($id: ID!) { user(id: $id) { email displayName roles { id } } }';
    expect((await superadmin.query(read, { id: alice.id })).data.user).toEqual({
      email: `${alice.uuid}@erased.invalid`,
      displayName: null,
      roles: [],
    });
  });

  it('releases the address, and a new account with it inherits nothing', async () => {
    const { alice } = await createFullUser();
    await erase(alice);
    const register =
      'mutation ($input: RegisterInput!) { register(input: $input) { session { user { id displayName roles { domain { name } } settings { totalCount } } } } }';
    const input = { email: alice.email, password: 'seven teal herons misread a map' };
    const { user } = (await server.query(register, { input })).data.register.session;
    expect(user).toEqual({ id: expect.any(String), displayName: null, roles: [{ domain: null }], settings: { totalCount: 0 } });
    expect(user.id).not.toBe(alice.id);
  });

  it('is not prevented by an account that uses the placeholder address', async () => {
    const { alice } = await createFullUser();
    const email = `${alice.uuid}@erased.invalid`;
    await prisma.user.create({ data: { email, emailKey: email } });
    expect((await erase(alice)).data.deleteUser).toEqual({ changed: true });
  });

  it("revokes grants delegated from the user's grants and the sessions that depended on them", async () => {
    const { alice } = await createFullUser();
    const bob = await server.user();
    const [from] = await prisma.roleGrant.findMany({ where: { userId: alice.uuid } });
    if (!from?.domainId) throw new Error('no grant');
    const { roleId, domainId } = from;
    await prisma.roleGrant.create({ data: { userId: bob.uuid, roleId, domainId, throughId: from.id } });
    await prisma.roleGrant.deleteMany({ where: { userId: bob.uuid, throughId: null } });
    await prisma.token.updateMany({ where: { userId: bob.uuid }, data: { domainId } });
    await erase(alice);
    expect(await prisma.roleGrant.count({ where: { userId: bob.uuid } })).toBe(0);
    expect(await prisma.auditEvent.count({ where: { userId: bob.uuid, reason: 'revoked', actorId: superadmin.uuid } })).toBe(1);
    expect((await bob.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
  });

  it('is done by a job when the retention period is over, without an actor', async () => {
    const [early, due, restored] = [(await createFullUser()).alice, (await createFullUser()).alice, (await createFullUser()).alice];
    for (const one of [early, due, restored]) await superadmin.query(remove, { input: { id: one.id } });
    await prisma.user.updateMany({ where: { id: { in: [due.uuid, restored.uuid] } }, data: { eraseAt: past } });
    await superadmin.query('mutation ($id: ID!) { restoreUser(input: { id: $id }) { changed } }', { id: restored.id });
    await runJobs(server);
    const erasedAt = async ({ uuid }: TestUser) => (await prisma.user.findUniqueOrThrow({ where: { id: uuid } })).erasedAt;
    expect([await erasedAt(early), await erasedAt(due), await erasedAt(restored)]).toEqual([null, expect.any(Date), null]);
    expect(await prisma.auditEvent.findMany({ where: { targetId: due.uuid, action: 'user_deleted' } })).toMatchObject([
      { actorId: null, agent: 'job', reason: 'erased' },
    ]);
  });

  it('continues with other accounts when one cannot be erased', async () => {
    const [stuck, due] = [(await createFullUser()).alice, (await createFullUser()).alice];
    for (const one of [stuck, due]) await superadmin.query(remove, { input: { id: one.id } });
    await prisma.user.update({ where: { id: stuck.uuid }, data: { eraseAt: new Date(0) } });
    await prisma.user.update({ where: { id: due.uuid }, data: { eraseAt: past } });
    await prisma.user.create({ data: { email: 'in.the.way@example.com', emailKey: stuck.uuid } });
    await expect(runJobs(server)).rejects.toThrow();
    const rows = await prisma.user.findMany({ where: { id: { in: [stuck.uuid, due.uuid] }, erasedAt: { not: null } } });
    expect(rows.map(({ id }) => id)).toEqual([due.uuid]);
    await prisma.user.delete({ where: { emailKey: stuck.uuid } });
  });

  it('deletes pending emails of the user and keeps those of others', async () => {
    const [{ alice }, bob] = [await createFullUser(), await server.user()];
    await prisma.outboxEmail.create({ data: { template: 'passwordChanged', userId: alice.uuid, dueAt: new Date(Date.now() + 60_000) } });
    await prisma.outboxEmail.create({ data: { template: 'accessReset', userId: bob.uuid } });
    await erase(alice);
    expect(await prisma.outboxEmail.count({ where: { userId: alice.uuid } })).toBe(0);
    expect(await outcomes(server, 'accessReset', { userId: bob.uuid })).toEqual(['previewed']);
  });
});
