import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { emailTo, invitationEmailTo } from '../mail/emails.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer({ PUBLIC_URL: 'https://login.periwinkledock.example' });
const { prisma } = server.db;

const register = 'mutation ($input: RegisterInput!) { register(input: $input) { session { accessToken } } }';
const change = 'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { ended } }';
const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
const accept = 'mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { made } }';
const newEmail = () => `${randomUUID()}@example.com`;
const fieldsOf = ({ errors }: { errors: { extensions: Record<string, unknown> }[] | undefined }) => errors?.[0]?.extensions.fields;

const own = ['must contain more than your username or name'];
const ofService = ['must contain more than parts of your email address or words of this service'];

describe('a password made of words of the account or the service', () => {
  it('is rejected by register', async () => {
    const attempt = async (password: string) =>
      fieldsOf(
        await server.query(register, { input: { email: newEmail(), password, username: 'quokkadale', displayName: 'Zebedee Quill' } }),
      );
    expect(await attempt('Quokkadale12345678')).toEqual({ password: own });
    expect(await attempt('Zebedee-Quill-2026')).toEqual({ password: own });
    expect(await attempt('Fieldgate2026!!')).toEqual({ password: ofService });
    expect(await attempt('P3riwinkled0ck-26')).toEqual({ password: ofService });
  });

  it('is rejected by changePassword and resetPassword, which keeps the link usable', async () => {
    const alice = await server.user();
    await prisma.user.update({ where: { id: alice.uuid }, data: { displayName: 'Zebedee Quill', username: 'Quokkadale' } });
    const changed = await alice.query(change, { input: { currentPassword: alice.password, newPassword: 'zebedeequill2026' } });
    expect(fieldsOf(changed)).toEqual({ newPassword: own });
    await server.query('mutation ($email: String!) { requestPasswordReset(input: { email: $email }) { ok } }', { email: alice.email });
    const { token } = await emailTo(server, alice.uuid, 'passwordReset');
    expect(fieldsOf(await server.query(reset, { input: { token, newPassword: 'quokkadale-2026-!!' } }))).toEqual({ newPassword: own });
    expect((await server.query(reset, { input: { token, newPassword: 'nine amber foxes fold a crane' } })).data.resetPassword.ok).toBe(
      true,
    );
  });

  it('is rejected by acceptInvitation', async () => {
    const [admin, email] = [await server.user('ADMIN'), newEmail()];
    await admin.query('mutation ($email: String!) { inviteUser(input: { email: $email, role: "USER" }) { invitation { id } } }', { email });
    const { token } = await invitationEmailTo(server, email);
    const input = { token, displayName: 'Zebedee Quill', password: 'zebedee.quill.1' };
    expect(fieldsOf(await server.query(accept, { input }))).toEqual({ password: own });
  });
});
