import { describe, expect, it } from 'vitest';
import { emailTo } from '../mail/emails.ts';
import { startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;
const request = 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }';
const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';
const newPassword = 'nine amber foxes fold a paper crane';

async function requestReset(alice: TestUser, count = 1) {
  await server.query(request, { input: { email: alice.email } });
  return emailTo(server, alice.uuid, 'passwordReset', count);
}

const canLogIn = async ({ email }: TestUser, password: string) =>
  (await server.query(login, { input: { email, password } })).code === undefined;

describe('resetPassword', () => {
  it('sets the new password with the link, creates no session and emails the owner', async () => {
    const alice = await server.user();
    const { token } = await requestReset(alice);
    expect((await server.query(reset, { input: { token, newPassword } })).data).toEqual({ resetPassword: { ok: true } });
    expect([await canLogIn(alice, newPassword), await canLogIn(alice, alice.password)]).toEqual([true, false]);
    expect((await emailTo(server, alice.uuid, 'passwordChanged')).subject).toBe('Your password was changed');
  });

  it('sets the new password with the email and code', async () => {
    const alice = await server.user();
    const { code } = await requestReset(alice);
    expect((await server.query(reset, { input: { email: alice.email, code, newPassword } })).code).toBeUndefined();
    expect(await canLogIn(alice, newPassword)).toBe(true);
  });

  it('revokes every session and API token with the reason PASSWORD_RESET', async () => {
    const alice = await server.user();
    const create = 'mutation { createApiToken(input: { description: "a script", scopes: ["users:read"] }) { secret } }';
    const { secret } = (await alice.query(create)).data.createApiToken;
    const { token } = await requestReset(alice);
    await server.query(reset, { input: { token, newPassword } });
    expect((await alice.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
    expect((await server.query('{ me { id } }', {}, { token: secret })).code).toBe('TOKEN_REVOKED');
    const events = await prisma.tokenRevocation.findMany({
      where: { userId: alice.uuid },
      select: { kind: true, reason: true },
      orderBy: { kind: 'asc' },
    });
    expect(events).toEqual([
      { kind: 'SESSION', reason: 'PASSWORD_RESET' },
      { kind: 'API', reason: 'PASSWORD_RESET' },
    ]);
  });

  it('rejects a weak password and keeps the link valid', async () => {
    const alice = await server.user();
    const { token } = await requestReset(alice);
    const refused = await server.query(reset, { input: { token, newPassword: 'short' } });
    expect(refused).toMatchObject({ code: 'INVALID_INPUT', errors: [{ extensions: { fields: { newPassword: expect.any(Array) } } }] });
    expect((await server.query(reset, { input: { token, newPassword } })).code).toBeUndefined();
  });

  it('invalidates the other reset links of the account on use', async () => {
    const alice = await server.user();
    const [first, second] = [await requestReset(alice), await requestReset(alice, 2)];
    expect(second.token).not.toBe(first.token);
    expect((await server.query(reset, { input: { token: first.token, newPassword } })).code).toBeUndefined();
    for (const { token } of [first, second])
      expect((await server.query(reset, { input: { token, newPassword } })).code).toBe('INVALID_TOKEN');
  });

  it('succeeds once when 5 requests use the link concurrently', async () => {
    const alice = await server.user();
    const { token } = await requestReset(alice);
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, index) => server.query(reset, { input: { token, newPassword: `${newPassword} ${index}` } })),
    );
    expect(answers.map(({ code }) => code).sort()).toEqual([...Array(4).fill('INVALID_TOKEN'), undefined]);
  });

  it('rejects a link after the password was changed, the account was disabled or the link expired', async () => {
    const [changed, disabled, late] = [await server.user(), await server.user(), await server.user()];
    const links = [await requestReset(changed), await requestReset(disabled), await requestReset(late)];
    const change = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { ended } }';
    await changed.query(change, { input: { currentPassword: changed.password, newPassword: 'four blue owls count the rain' } });
    await prisma.user.update({ where: { id: disabled.uuid }, data: { enabled: false } });
    await prisma.emailLink.updateMany({ where: { userId: late.uuid }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    for (const { token } of links) expect((await server.query(reset, { input: { token, newPassword } })).code).toBe('INVALID_TOKEN');
    expect(await canLogIn(late, late.password)).toBe(true);
  });

  it('rejects a reset link as an access token and as a confirmation link', async () => {
    const alice = await server.user();
    const { token } = await requestReset(alice);
    expect((await server.query('{ me { id } }', {}, { token })).code).toBe('INVALID_TOKEN');
    const confirm = 'mutation ($input: ConfirmEmailInput!) { confirmEmail(input: $input) { passwordKept } }';
    expect((await server.query(confirm, { input: { token } })).code).toBe('INVALID_TOKEN');
  });

  it('rejects a reset code as a confirmation code', async () => {
    const alice = await server.user();
    const { code } = await requestReset(alice);
    const confirm = 'mutation ($input: ConfirmEmailInput!) { confirmEmail(input: $input) { passwordKept } }';
    expect((await server.query(confirm, { input: { email: alice.email, code } })).code).toBe('INVALID_TOKEN');
    expect((await server.query(reset, { input: { email: alice.email, code, newPassword } })).code).toBeUndefined();
  });

  it('confirms the address, because the email reached it', async () => {
    const alice = await server.user();
    await prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: null } });
    const { token } = await requestReset(alice);
    await server.query(reset, { input: { token, newPassword } });
    expect((await prisma.user.findUniqueOrThrow({ where: { id: alice.uuid } })).emailConfirmedAt).not.toBeNull();
  });

  it('sets a first password for a user without one and records an audit event', async () => {
    const alice = await server.user();
    await prisma.password.delete({ where: { userId: alice.uuid } });
    const { token } = await requestReset(alice);
    await server.query(reset, { input: { token, newPassword } });
    expect(await canLogIn(alice, newPassword)).toBe(true);
    const where = { userId: alice.uuid, action: 'authn_password_change' };
    expect(await prisma.auditEvent.findMany({ where })).toMatchObject([{ reason: 'reset', actorId: null, targetId: alice.uuid }]);
  });
});
