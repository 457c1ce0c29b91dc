import { describe, expect, it } from 'vitest';
import { emailTo } from '../mail/emails.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, waitUntil } from '../test-server.ts';
import { changeEmail, confirmMutation, currentEmail, loginMutation, newEmail, requestChange } from './email-change.ts';

const server = await startTestServer();
const { prisma } = server.db;
const register = 'mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }';
const password = 'seven teal herons misread a map';
const me = '{ me { email } }';

describe('confirmEmailChange', () => {
  it('changes the address in a session of the account and keeps that session', async () => {
    const alice = await server.user();
    const { email, token } = await requestChange(server, alice);
    expect((await alice.query(confirmMutation, { input: { token } })).data.confirmEmailChange).toEqual({ ended: 0 });
    expect((await alice.query(me)).data.me).toEqual({ email });
    expect((await server.query(loginMutation, { input: { email, password: alice.password } })).code).toBeUndefined();
    expect((await server.query(loginMutation, { input: { email: alice.email, password: alice.password } })).code).toBe(
      'INVALID_CREDENTIALS',
    );
  });

  it('changes the address without a session when the email, code and password are given', async () => {
    const alice = await server.user();
    const { email, code } = await requestChange(server, alice);
    const input = { email: email.toUpperCase(), code, password: alice.password };
    expect((await server.query(confirmMutation, { input })).data.confirmEmailChange).toEqual({ ended: 1 });
    expect(await currentEmail(server, alice)).toBe(email);
  });

  it('counts wrong passwords for all links of the user together', async () => {
    const alice = await server.user();
    const guess = async (token: string) =>
      (await server.query(confirmMutation, { input: { token, password: 'a wrong guess at it' } })).code;
    const links = [await requestChange(server, alice), await requestChange(server, alice, newEmail(), 2)];
    const codes: (string | undefined)[] = [];
    for (let times = 0; times < 4; times += 1) for (const { token } of links) codes.push(await guess(token));
    expect(codes).toEqual([...Array(5).fill('INVALID_CREDENTIALS'), ...Array(3).fill('RATE_LIMITED')]);
  });

  it.each([
    ['logoutEverywhere', 'mutation { logoutEverywhere(input: {}) { ended } }'],
    ['revokeTokens', 'mutation ($id: ID!) { revokeTokens(input: { userId: $id }) { ended } }'],
  ])('is not possible with a link that was requested before %s', async (_, document) => {
    const alice = await server.user();
    const { token } = await requestChange(server, alice);
    expect((await alice.query(document, { id: alice.id })).code).toBeUndefined();
    expect((await server.query(confirmMutation, { input: { token, password: alice.password } })).code).toBe('INVALID_TOKEN');
    expect(await currentEmail(server, alice)).toBe(alice.email);
  });

  it('requires the password when the token comes without a session, from another account or with an API token', async () => {
    const [alice, bob] = [await server.user(), await server.user()];
    const create = 'mutation { createApiToken(input: { description: "a script", scopes: ["users:write"] }) { secret } }';
    const { secret } = (await alice.query(create)).data.createApiToken;
    const { token } = await requestChange(server, alice);
    const answers = [await server.query(confirmMutation, { input: { token } }), await bob.query(confirmMutation, { input: { token } })];
    answers.push(await server.query(confirmMutation, { input: { token } }, { token: secret }));
    for (const answer of answers)
      expect(answer).toMatchObject({ code: 'INVALID_INPUT', errors: [{ extensions: { fields: { password: expect.any(Array) } } }] });
    expect((await bob.query(confirmMutation, { input: { token, password: 'a guess' } })).code).toBe('INVALID_CREDENTIALS');
    expect(await currentEmail(server, alice)).toBe(alice.email);
    expect((await alice.query(confirmMutation, { input: { token } })).code).toBeUndefined();
  });

  it('revokes other sessions with the reason EMAIL_CHANGED and keeps API tokens', async () => {
    const alice = await server.user();
    const other = await server.logIn(alice.email, alice.uuid);
    const create = 'mutation { createApiToken(input: { description: "a script", scopes: ["users:read"] }) { secret } }';
    const { secret } = (await alice.query(create)).data.createApiToken;
    const { token } = await requestChange(server, alice);
    expect((await alice.query(confirmMutation, { input: { token } })).data.confirmEmailChange).toEqual({ ended: 1 });
    expect((await other.query(me)).code).toBe('TOKEN_REVOKED');
    expect((await server.query(me, {}, { token: secret })).code).toBeUndefined();
    const events = await prisma.tokenRevocation.findMany({ where: { userId: alice.uuid }, select: { reason: true, initiator: true } });
    expect(events).toEqual([{ reason: 'EMAIL_CHANGED', initiator: 'USER' }]);
  });

  // The embedded database has one connection, which the lock would keep.
  it.skipIf(isEmbedded)(
    'changes nothing when the session is revoked while the mutation waits for a lock (needs a PostgreSQL server)',
    async () => {
      const alice = await server.user();
      const { token } = await requestChange(server, alice);
      const answer = await prisma.$transaction(async (tx) => {
        await tx.$queryRaw`select 1 from "User" where id = ${alice.uuid}::uuid for update`;
        const waiting = alice.query(confirmMutation, { input: { token } });
        await waitUntil(() => prisma.$queryRaw<unknown[]>`select 1 from pg_locks where not granted`.then((rows) => rows.length > 0));
        await tx.token.updateMany({ where: { userId: alice.uuid }, data: { revokedAt: new Date(), revokedReason: 'LOGOUT' } });
        return { waiting };
      });
      expect((await answer.waiting).code).toBe('TOKEN_REVOKED');
      expect(await currentEmail(server, alice)).toBe(alice.email);
    },
  );

  it('sends no undo link to an unconfirmed old address and releases that address', async () => {
    const alice = await server.user();
    await prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: null } });
    const { token } = await requestChange(server, alice);
    expect((await alice.query(confirmMutation, { input: { token } })).code).toBeUndefined();
    expect(await prisma.outboxEmail.count({ where: { userId: alice.uuid, template: 'emailChanged' } })).toBe(0);
    expect((await server.query(register, { input: { email: alice.email, password } })).code).toBeUndefined();
  });

  it('emails the old address an undo link that is valid for 3 days', async () => {
    const alice = await server.user();
    const { email } = await changeEmail(server, alice);
    const { text } = await emailTo(server, alice.uuid, 'emailChanged');
    expect(text).toMatch(/\/email-change\?undo=fgl_[\s\S]*for 3 days \(until /);
    expect(text).not.toContain(email);
    expect((await prisma.outboxEmail.findFirstOrThrow({ where: { userId: alice.uuid, template: 'emailChanged' } })).address).toBe(
      alice.email,
    );
  });

  it('invalidates all other email links of the account', async () => {
    const alice = await server.user();
    await server.query('mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }', {
      input: { email: alice.email },
    });
    const { token } = await emailTo(server, alice.uuid, 'passwordReset');
    await changeEmail(server, alice);
    const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
    expect((await server.query(reset, { input: { token, newPassword: password } })).code).toBe('INVALID_TOKEN');
    const unused = { userId: alice.uuid, usedAt: null };
    expect(await prisma.emailLink.findMany({ where: unused, select: { purpose: true } })).toEqual([{ purpose: 'UNDO_EMAIL_CHANGE' }]);
  });

  it('rejects an address that another account has taken in the meantime', async () => {
    const alice = await server.user();
    const { email, token } = await requestChange(server, alice);
    await server.query(register, { input: { email: email.toUpperCase(), password } });
    expect((await alice.query(confirmMutation, { input: { token } })).code).toBe('TAKEN');
    expect(await currentEmail(server, alice)).toBe(alice.email);
    expect((await alice.query(me)).data.me).toEqual({ email: alice.email });
  });

  it('succeeds once when 10 requests use the link concurrently', async () => {
    const alice = await server.user();
    const { token } = await requestChange(server, alice);
    const answers = await Promise.all(Array.from({ length: 10 }, () => alice.query(confirmMutation, { input: { token } })));
    expect(answers.map(({ code }) => code).sort()).toEqual([...Array(9).fill('INVALID_TOKEN'), undefined]);
  });

  it('gives an address to exactly one of two accounts that confirm it concurrently', async () => {
    const [alice, bob, email] = [await server.user(), await server.user(), newEmail()];
    const links = [await requestChange(server, alice, email), await requestChange(server, bob, email)];
    const answers = await Promise.all(
      [alice, bob].map((one, index) => one.query(confirmMutation, { input: { token: links[index]?.token } })),
    );
    expect(answers.map(({ code }) => code).sort()).toEqual(['TAKEN', undefined]);
    expect(await prisma.user.count({ where: { emailKey: email } })).toBe(1);
  });

  it('rejects a link that is expired, unknown, for another purpose or of a disabled account', async () => {
    const [late, off, other] = [await server.user(), await server.user(), await server.user()];
    const links = [await requestChange(server, late), await requestChange(server, off), await requestChange(server, other)];
    await prisma.emailLink.updateMany({ where: { userId: late.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    await prisma.user.update({ where: { id: off.uuid }, data: { enabled: false } });
    await prisma.emailLink.updateMany({ where: { userId: other.uuid }, data: { purpose: 'UNDO_EMAIL_CHANGE' } });
    for (const token of [...links.map((link) => link.token), `fgl_${'A'.repeat(43)}`])
      expect((await server.query(confirmMutation, { input: { token, password: late.password } })).code).toBe('INVALID_TOKEN');
  });

  it('marks the address as confirmed and records an audit event that contains neither address', async () => {
    const alice = await server.user();
    await prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: null } });
    const { email, token } = await requestChange(server, alice);
    await alice.query(confirmMutation, { input: { token } });
    expect((await prisma.user.findUniqueOrThrow({ where: { id: alice.uuid } })).emailConfirmedAt).not.toBeNull();
    const rows = await prisma.auditEvent.findMany({ where: { userId: alice.uuid, reason: 'email changed' } });
    expect(rows).toMatchObject([{ action: 'user_updated', actorId: alice.uuid, targetType: 'User', targetId: alice.uuid }]);
    expect(JSON.stringify(rows)).not.toMatch(new RegExp(`${email}|${alice.email}`));
  });
});
