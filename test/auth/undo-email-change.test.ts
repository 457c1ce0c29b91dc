import { describe, expect, it } from 'vitest';
import { runJobs } from '../jobs.ts';
import { emailTo } from '../mail/emails.ts';
import { startTestServer, type TestUser, waitUntil } from '../test-server.ts';
import {
  changeEmail,
  confirmMutation,
  currentEmail,
  loginMutation,
  newEmail,
  requestChange,
  requestMutation,
  undoMutation,
} from './email-change.ts';

const server = await startTestServer();
const { prisma } = server.db;
const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
const register = 'mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }';
const password = 'seven teal herons misread a map';
const loginCode = async (email: string, { password: known }: Pick<TestUser, 'password'>) =>
  (await server.query(loginMutation, { input: { email, password: known } })).code;

describe('undoEmailChange', () => {
  it('restores the old address without a session and revokes every session and API token', async () => {
    const alice = await server.user();
    const create = 'mutation { createApiToken(input: { description: "a script", scopes: ["users:read"] }) { secret } }';
    const { secret } = (await alice.query(create)).data.createApiToken;
    const { token } = await changeEmail(server, alice);
    expect((await server.query(undoMutation, { input: { token } })).data).toEqual({ undoEmailChange: { ok: true } });
    expect(await currentEmail(server, alice)).toBe(alice.email);
    expect((await alice.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
    expect((await server.query('{ me { id } }', {}, { token: secret })).code).toBe('TOKEN_REVOKED');
    const reasons = await prisma.tokenRevocation.findMany({ where: { userId: alice.uuid }, select: { reason: true } });
    expect(reasons).toEqual(Array(2).fill({ reason: 'EMAIL_CHANGED' }));
  });

  it('removes the password and emails a reset link to the old address', async () => {
    const alice = await server.user();
    const { email, token } = await changeEmail(server, alice);
    await server.query(undoMutation, { input: { token } });
    expect([await loginCode(alice.email, alice), await loginCode(email, alice)]).toEqual(Array(2).fill('INVALID_CREDENTIALS'));
    const mail = await emailTo(server, alice.uuid, 'passwordReset');
    expect((await server.query(reset, { input: { token: mail.token, newPassword: password } })).code).toBeUndefined();
    expect(await loginCode(alice.email, { password })).toBeUndefined();
  });

  it('rejects a link that was used, has expired or belongs to a disabled account', async () => {
    const [twice, late, off] = [await server.user(), await server.user(), await server.user()];
    const tokens = [
      (await changeEmail(server, twice)).token,
      (await changeEmail(server, late)).token,
      (await changeEmail(server, off)).token,
    ];
    await server.query(undoMutation, { input: { token: tokens[0] } });
    await prisma.emailLink.updateMany({ where: { userId: late.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    await prisma.user.update({ where: { id: off.uuid }, data: { enabled: false } });
    for (const token of tokens) expect((await server.query(undoMutation, { input: { token } })).code).toBe('INVALID_TOKEN');
    expect(await currentEmail(server, late)).not.toBe(late.email);
  });

  it('succeeds once when 5 requests use the link concurrently', async () => {
    const { token } = await changeEmail(server, await server.user());
    const answers = await Promise.all(Array.from({ length: 5 }, () => server.query(undoMutation, { input: { token } })));
    expect(answers.map(({ code }) => code).sort()).toEqual([...Array(4).fill('INVALID_TOKEN'), undefined]);
  });

  it('reverts both of two changes with the first link and invalidates the second link', async () => {
    const alice = await server.user();
    const [first, second] = [await changeEmail(server, alice), await changeEmail(server, alice, 2)];
    expect((await server.query(undoMutation, { input: { token: first.token } })).code).toBeUndefined();
    expect((await server.query(undoMutation, { input: { token: second.token } })).code).toBe('INVALID_TOKEN');
    expect(await currentEmail(server, alice)).toBe(alice.email);
  });

  it('reverts one of two changes with the second link and keeps the first link valid', async () => {
    const alice = await server.user();
    const [first, second] = [await changeEmail(server, alice), await changeEmail(server, alice, 2)];
    await server.query(undoMutation, { input: { token: second.token } });
    expect(await currentEmail(server, alice)).toBe(first.email);
    expect((await server.query(undoMutation, { input: { token: first.token } })).code).toBeUndefined();
    expect(await currentEmail(server, alice)).toBe(alice.email);
  });

  it('invalidates the link of a pending change', async () => {
    const alice = await server.user();
    const { token } = await changeEmail(server, alice);
    const next = await requestChange(server, alice, newEmail(), 2);
    await server.query(undoMutation, { input: { token } });
    expect((await server.query(confirmMutation, { input: { token: next.token, password: alice.password } })).code).toBe('INVALID_TOKEN');
  });

  it('records an audit event', async () => {
    const alice = await server.user();
    const { token } = await changeEmail(server, alice);
    await server.query(undoMutation, { input: { token } });
    const where = { userId: alice.uuid, reason: 'email change undone' };
    expect(await prisma.auditEvent.findMany({ where })).toMatchObject([
      { action: 'user_updated', actorId: null, targetType: 'User', targetId: alice.uuid },
    ]);
  });
});

describe('a former address', () => {
  it('cannot be taken by other accounts while the change can be undone', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    await changeEmail(server, alice);
    expect((await server.query(register, { input: { email: alice.email, password } })).code).toBe('TAKEN');
    const key = { userId: bob.uuid, address: alice.email };
    await bob.query(requestMutation, { input: { newEmail: alice.email } });
    await waitUntil(() => prisma.outboxEmail.findFirst({ where: { ...key, outcome: 'obsolete' } }));
    await expect(prisma.user.update({ where: { id: bob.uuid }, data: { emailKey: alice.email } })).rejects.toThrow();
  });

  it('is available to its last owner at once and to everyone after 4 days', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    await changeEmail(server, alice);
    const back = await requestChange(server, alice, alice.email, 2);
    expect((await alice.query(confirmMutation, { input: { token: back.token } })).code).toBeUndefined();
    await changeEmail(server, bob);
    await prisma.reservedEmail.updateMany({ data: { expiresAt: new Date(Date.now() - 1_000) } });
    expect((await server.query(register, { input: { email: bob.email, password } })).code).toBeUndefined();
    await runJobs(server);
    expect(await prisma.reservedEmail.count()).toBe(0);
  });
});
