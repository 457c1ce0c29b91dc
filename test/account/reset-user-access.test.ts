import { describe, expect, it } from 'vitest';
import { emailTo } from '../mail/emails.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;
const resetAccess = 'mutation ($input: ResetUserAccessInput!) { resetUserAccess(input: $input) { ended } }';
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';

describe('resetUserAccess', () => {
  it('revokes every session and API token of a user and keeps the password', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    await alice.query('mutation { createApiToken(input: { description: "a script", scopes: ["users:read"] }) { secret } }');
    expect((await admin.query(resetAccess, { input: { id: alice.id } })).data.resetUserAccess).toEqual({ ended: 2 });
    expect((await alice.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
    expect((await server.query(login, { input: { email: alice.email, password: alice.password } })).code).toBeUndefined();
    expect((await emailTo(server, alice.uuid, 'accessReset')).subject).toBe('You have been logged out everywhere');
  });

  it('invalidates email links that were sent before', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    await server.query('mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }', {
      input: { email: alice.email },
    });
    const { token } = await emailTo(server, alice.uuid, 'passwordReset');
    await admin.query(resetAccess, { input: { id: alice.id } });
    const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
    expect((await server.query(reset, { input: { token, newPassword: 'nine amber foxes fold a paper crane' } })).code).toBe(
      'INVALID_TOKEN',
    );
  });

  it("requires a higher rank than the user's and rejects one's own account", async () => {
    const [superadmin, admin, alice] = [await server.user('SUPERADMIN'), await server.user('ADMIN'), await server.user()];
    expect((await alice.query(resetAccess, { input: { id: admin.id } })).code).toBe('FORBIDDEN');
    expect((await admin.query(resetAccess, { input: { id: superadmin.id } })).code).toBe('FORBIDDEN');
    expect((await superadmin.query(resetAccess, { input: { id: superadmin.id } })).code).toBe('SELF_ACTION_FORBIDDEN');
  });

  it('records an audit event for the reset and for each revoked session', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    await admin.query(resetAccess, { input: { id: alice.id } });
    const rows = await prisma.auditEvent.findMany({
      where: { userId: alice.uuid, actorId: admin.uuid },
      select: { action: true, reason: true },
    });
    expect(rows.map(({ action, reason }) => `${action} ${reason}`).sort()).toEqual([
      'session_revoked ACCESS_RESET',
      'user_updated access reset',
    ]);
  });
});
