import { describe, expect, it } from 'vitest';
import { emailTo } from '../mail/emails.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const send = 'mutation ($input: SendPasswordResetInput!) { sendPasswordReset(input: $input) { user { id } } }';

describe('sendPasswordReset', () => {
  it('emails the user a link that the administrator never sees', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    const answer = await admin.query(send, { input: { id: alice.id } });
    expect(answer.data).toEqual({ sendPasswordReset: { user: { id: alice.id } } });
    const mail = await emailTo(server, alice.uuid, 'passwordReset');
    expect(mail.text).toContain('An administrator requested this email');
    expect(mail.token).not.toBe('');
    expect((await alice.query('{ me { id } }')).data.me.id).toBe(alice.id);
  });

  it("requires a platform rank above the user's: rejects users, domain administrators and equals", async () => {
    await server.domain('north');
    const [alice, bob, north, admin] = [
      await server.user(),
      await server.user(),
      await server.user('ADMIN', 'north'),
      await server.user('ADMIN'),
    ];
    await server.grant(bob.uuid, 'USER', 'north');
    expect((await alice.query(send, { input: { id: bob.id } })).code).toBe('FORBIDDEN');
    expect((await north.query(send, { input: { id: bob.id } })).code).toBe('FORBIDDEN');
    expect((await admin.query(send, { input: { id: (await server.user('ADMIN')).id } })).code).toBe('FORBIDDEN');
  });

  it('does not count rejected calls against other administrators', async () => {
    const [superadmin, admin, other] = [await server.user('SUPERADMIN'), await server.user('ADMIN'), await server.user('ADMIN')];
    for (let times = 0; times < 4; times += 1) await admin.query(send, { input: { id: other.id } });
    expect((await superadmin.query(send, { input: { id: other.id } })).code).toBeUndefined();
  });

  it('allows 3 emails an hour for a user', async () => {
    const [admin, alice] = [await server.user('ADMIN'), await server.user()];
    for (let times = 0; times < 3; times += 1) expect((await admin.query(send, { input: { id: alice.id } })).code).toBeUndefined();
    expect((await admin.query(send, { input: { id: alice.id } })).code).toBe('RATE_LIMITED');
  });
});
