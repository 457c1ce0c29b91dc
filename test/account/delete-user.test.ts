import { randomUUID } from 'node:crypto';
import { encodeGlobalID } from '@pothos/plugin-relay';
import { describe, expect, it } from 'vitest';
import { emailTo } from '../mail/emails.ts';
import { anonymous, startTestServer, type TestUser, waitUntil } from '../test-server.ts';

const server = await startTestServer({ DELETED_USER_RETENTION: '10d' });
const { prisma } = server.db;
await server.domain('north');

const mutation = 'mutation ($input: DeleteUserInput!) { deleteUser(input: $input) { changed user { deletedAt erasedAt enabled } } }';
const remove = (by: Pick<TestUser, 'query'>, id: string, erase?: boolean) => by.query(mutation, { input: { id, ...(erase && { erase }) } });
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';
const mint = 'mutation { createApiToken(input: { description: "ci", scopes: ["users:read", "users:write"] }) { secret } }';
const exists = async ({ uuid }: TestUser) => (await prisma.user.findUniqueOrThrow({ where: { id: uuid } })).deletedAt === null;
const requestReset = 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }';

describe('deleteUser', () => {
  it('revokes the sessions and API tokens of the account with the reason USER_DELETED', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const { secret } = (await alice.query(mint)).data.createApiToken;
    const { data } = await remove(admin, alice.id);
    expect(data.deleteUser).toEqual({ changed: true, user: { deletedAt: expect.any(String), erasedAt: null, enabled: true } });
    expect((await alice.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
    expect((await server.query('{ me { id } }', {}, { token: secret })).code).toBe('TOKEN_REVOKED');
    const refresh = `mutation { refresh(input: { refreshToken: "${alice.refreshToken}" }) { accessToken } }`;
    expect((await server.query(refresh)).code).toBeDefined();
    const events = await prisma.tokenRevocation.findMany({ where: { userId: alice.uuid }, select: { reason: true, initiator: true } });
    expect(events).toEqual(Array(2).fill({ reason: 'USER_DELETED', initiator: 'ADMIN' }));
  });

  it('makes login return the same error as for an unknown account', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    await remove(admin, alice.id);
    const known = await server.query(login, { input: { email: alice.email, password: alice.password } });
    const unknown = await server.query(login, { input: { email: `${randomUUID()}@example.com`, password: alice.password } });
    expect([known.code, known.errors]).toEqual(['INVALID_CREDENTIALS', unknown.errors]);
  });

  it('rejects tokens that were not revoked, and the creation of new ones', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const { secret } = (await bob.query(mint)).data.createApiToken;
    await prisma.user.updateMany({ where: { id: { in: [alice.uuid, bob.uuid] } }, data: { deletedAt: new Date() } });
    expect((await alice.query('{ me { id } }')).code).toBe('ACCOUNT_DISABLED');
    expect((await alice.query(mint)).code).toBe('ACCOUNT_DISABLED');
    expect((await server.query('{ me { id } }', {}, { token: secret })).code).toBe('ACCOUNT_DISABLED');
    const refresh = `mutation { refresh(input: { refreshToken: "${alice.refreshToken}" }) { accessToken } }`;
    expect((await server.query(refresh)).code).toBe('INVALID_TOKEN');
  });

  it('invalidates email links permanently and sends no emails that require an active account', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    await server.query(requestReset, { input: { email: alice.email } });
    const { token } = await emailTo(server, alice.uuid, 'passwordReset');
    await remove(admin, alice.id);
    const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
    const use = () => server.query(reset, { input: { token, newPassword: 'nine amber foxes fold a paper crane' } });
    expect((await use()).code).toBe('INVALID_TOKEN');
    await server.query(requestReset, { input: { email: alice.email } });
    const later = { template: 'passwordReset', emailKey: alice.email, outcome: 'obsolete' };
    await waitUntil(() => prisma.outboxEmail.findFirst({ where: later }));
    await admin.query('mutation ($id: ID!) { restoreUser(input: { id: $id }) { changed } }', { id: alice.id });
    expect((await use()).code).toBe('INVALID_TOKEN');
  });

  it('emails the owner until when an administrator can restore the account', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    await remove(admin, alice.id);
    const { text } = await emailTo(server, alice.uuid, 'accountDeleted');
    const waitUntil = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(Date.now() + 10 * 86_400_000);
    expect(text).toContain('An administrator deleted your account.');
    expect(text).toContain(`Until ${waitUntil}`);
  });

  it('keeps the address taken, and keeps roles and settings for a restore', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user('USER', 'north')];
    await alice.query('mutation { setSetting(input: { key: "theme", value: "dark" }) { setting { id } } }');
    await remove(admin, alice.id);
    const register = 'mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }';
    expect((await server.query(register, { input: { email: alice.email, password: 'seven teal herons misread a map' } })).code).toBe(
      'TAKEN',
    );
    const where = { userId: alice.uuid };
    expect([await prisma.roleGrant.count({ where }), await prisma.userSetting.count({ where })]).toEqual([1, 1]);
  });

  it('leaves the account readable for administrators only', async () => {
    const [admin, alice, bob] = [await server.user('ADMIN'), await server.user('USER', 'north'), await server.user()];
    await remove(admin, alice.id);
    const read = 'query ($id: ID!) { user(id: $id) { email deletedAt } node(id: $id) { id } }';
    const { data } = await admin.query(read, { id: alice.id });
    expect(data).toEqual({ user: { email: alice.email, deletedAt: expect.any(String) }, node: { id: alice.id } });
    expect((await bob.query(read, { id: alice.id })).data).toEqual({ user: null, node: null });
  });

  it('returns changed: false the second time', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    await remove(admin, alice.id);
    expect((await remove(admin, alice.id)).data.deleteUser.changed).toBe(false);
    expect(await prisma.outboxEmail.count({ where: { userId: alice.uuid, template: 'accountDeleted' } })).toBe(1);
  });

  it("requires a higher platform rank and rejects one's own account", async () => {
    const [superadmin, admin, peer] = [await server.user('SUPERADMIN'), await server.user('ADMIN'), await server.user('ADMIN')];
    const [domainAdmin, member] = [await server.user('ADMIN', 'north'), await server.user('USER', 'north')];
    expect((await remove(admin, peer.id)).code).toBe('FORBIDDEN');
    expect((await remove(admin, superadmin.id)).code).toBe('FORBIDDEN');
    expect((await remove(domainAdmin, member.id)).code).toBe('FORBIDDEN');
    expect((await remove(anonymous(server), member.id)).code).toBe('UNAUTHENTICATED');
    expect((await remove(superadmin, superadmin.id)).code).toBe('SELF_ACTION_FORBIDDEN');
    expect((await remove(admin, encodeGlobalID('User', randomUUID()))).code).toBe('NOT_FOUND');
    expect(await Promise.all([superadmin, peer, member].map(exists))).toEqual([true, true, true]);
    expect((await remove(superadmin, peer.id)).data.deleteUser.changed).toBe(true);
  });

  it('erases immediately for superadmins only, whether the account was deleted before or not', async () => {
    const [superadmin, admin] = [await server.user('SUPERADMIN'), await server.user('ADMIN')];
    const [alice, bob] = [await server.user(), await server.user()];
    expect((await remove(admin, alice.id, true)).code).toBe('FORBIDDEN');
    expect(await exists(alice)).toBe(true);
    await remove(admin, bob.id);
    for (const one of [alice, bob]) {
      const { changed, user } = (await remove(superadmin, one.id, true)).data.deleteUser;
      expect([changed, user.deletedAt, user.erasedAt]).toEqual([true, expect.any(String), expect.any(String)]);
    }
    expect((await remove(superadmin, alice.id, true)).data.deleteUser.changed).toBe(false);
    const actions = await prisma.auditEvent.findMany({
      where: { targetId: alice.uuid, actorId: superadmin.uuid },
      select: { action: true },
    });
    expect(actions.map(({ action }) => action).sort()).toEqual(['user_archived', 'user_deleted']);
  });

  it('accepts an API token with the scope users:write and rejects one without', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const secretOf = async (document: string) => (await admin.query(document)).data.createApiToken.secret;
    const [reading, writing] = [await secretOf(mint.replace(', "users:write"', '')), await secretOf(mint)];
    const by = (token: string) => server.query(mutation, { input: { id: alice.id } }, { token });
    expect((await by(reading)).code).toBe('FORBIDDEN');
    expect((await by(writing)).data.deleteUser.changed).toBe(true);
  });
});
