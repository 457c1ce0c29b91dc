import { describe, expect, it } from 'vitest';
import { emailTo } from '../mail/emails.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const mutation = 'mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { ok } }';
const deleteAccount = (alice: TestUser, password = alice.password) => alice.query(mutation, { input: { password } });
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';
const exists = async ({ uuid }: TestUser) => (await prisma.user.findUniqueOrThrow({ where: { id: uuid } })).deletedAt === null;

describe('deleteAccount', () => {
  it("deletes the viewer's account: revokes every session, and login is rejected", async () => {
    const alice = await server.user();
    const elsewhere = await server.logIn(alice.email, alice.uuid);
    expect((await deleteAccount(alice)).data).toEqual({ deleteAccount: { ok: true } });
    for (const one of [alice, elsewhere]) expect((await one.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
    expect((await server.query(login, { input: { email: alice.email, password: alice.password } })).code).toBe('INVALID_CREDENTIALS');
    const events = await prisma.tokenRevocation.findMany({ where: { userId: alice.uuid }, select: { reason: true, initiator: true } });
    expect(events).toEqual(Array(2).fill({ reason: 'USER_DELETED', initiator: 'USER' }));
  });

  it('requires the password and counts failures as login does', async () => {
    const alice = await server.user();
    const codes = [];
    for (let times = 0; times < 6; times += 1) codes.push((await deleteAccount(alice, 'a guess')).code);
    expect(codes).toEqual([...Array(5).fill('INVALID_CREDENTIALS'), 'RATE_LIMITED']);
    expect(await exists(alice)).toBe(true);
  });

  it('requires a fresh session', async () => {
    const alice = await server.user();
    const create = 'mutation { createApiToken(input: { description: "a script", scopes: ["users:write"] }) { secret } }';
    const { secret } = (await alice.query(create)).data.createApiToken;
    const input = { password: alice.password };
    expect((await server.query(mutation, { input }, { token: secret })).code).toBe('FORBIDDEN');
    expect((await server.query(mutation, { input })).code).toBe('UNAUTHENTICATED');
    await prisma.token.updateMany({ where: { userId: alice.uuid }, data: { authenticatedAt: new Date(0) } });
    expect((await deleteAccount(alice)).code).toBe('REAUTHENTICATION_REQUIRED');
    expect(await exists(alice)).toBe(true);
  });

  it('emails the owner and records an audit event', async () => {
    const alice = await server.user();
    await deleteAccount(alice);
    expect((await emailTo(server, alice.uuid, 'accountDeleted')).text).toMatch(
      /deleted, as you requested[\s\S]*Until .* an administrator can restore it/,
    );
    const rows = await prisma.auditEvent.findMany({ where: { targetId: alice.uuid, action: 'user_archived' } });
    expect(rows).toMatchObject([{ userId: alice.uuid, actorId: alice.uuid, targetType: 'User' }]);
  });

  it('keeps the undo link of an address change valid, so that a thief gains nothing by deleting the account', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    await alice.query('mutation { requestEmailChange(input: { newEmail: "thief@example.com" }) { ok } }');
    const { token } = await emailTo(server, alice.uuid, 'emailChangeConfirmation');
    await alice.query('mutation ($token: String!) { confirmEmailChange(input: { token: $token }) { ended } }', { token });
    await deleteAccount(alice);
    const undo = 'mutation ($token: String!) { undoEmailChange(input: { token: $token }) { ok } }';
    const mail = await emailTo(server, alice.uuid, 'emailChanged');
    expect((await server.query(undo, { token: mail.token })).code).toBeUndefined();
    await admin.query('mutation ($id: ID!) { restoreUser(input: { id: $id }) { changed } }', { id: alice.id });
    const { email } = await server.db.prisma.user.findUniqueOrThrow({ where: { id: alice.uuid } });
    expect(email).toBe(alice.email);
  });
});
