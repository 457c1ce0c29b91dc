import { describe, expect, it } from 'vitest';
import { emailTo } from '../mail/emails.ts';
import { open } from '../test-server.ts';

const world = await open();
const send = 'mutation ($input: SendPasswordResetInput!) { sendPasswordReset(input: $input) { user { id } } }';

describe('sendPasswordReset', () => {
  it('emails the user a link that the administrator never sees', async () => {
    const [admin, alice] = [await world.user('ADMIN'), await world.user()];
    const answer = await admin.ask(send, { input: { id: alice.id } });
    expect(answer.data).toEqual({ sendPasswordReset: { user: { id: alice.id } } });
    const letter = await emailTo(world, alice.uuid, 'passwordReset');
    expect(letter.text).toContain('An administrator has asked for this letter');
    expect(letter.token).not.toBe('');
    expect((await alice.ask('{ me { id } }')).data.me.id).toBe(alice.id);
  });

  it("requires a platform rank above the user's: rejects users, domain administrators and equals", async () => {
    await world.domain('north');
    const [alice, bob, north, admin] = [
      await world.user(),
      await world.user(),
      await world.user('ADMIN', 'north'),
      await world.user('ADMIN'),
    ];
    await world.grant(bob.uuid, 'USER', 'north');
    expect((await alice.ask(send, { input: { id: bob.id } })).code).toBe('FORBIDDEN');
    expect((await north.ask(send, { input: { id: bob.id } })).code).toBe('FORBIDDEN');
    expect((await admin.ask(send, { input: { id: (await world.user('ADMIN')).id } })).code).toBe('FORBIDDEN');
  });

  it('counts rejected calls against the caller only, not against other administrators', async () => {
    const [superadmin, admin, other] = [await world.user('SUPERADMIN'), await world.user('ADMIN'), await world.user('ADMIN')];
    for (let times = 0; times < 4; times += 1) await admin.ask(send, { input: { id: other.id } });
    expect((await superadmin.ask(send, { input: { id: other.id } })).code).toBeUndefined();
  });

  it('allows 3 emails an hour for a user', async () => {
    const [admin, alice] = [await world.user('ADMIN'), await world.user()];
    for (let times = 0; times < 3; times += 1) expect((await admin.ask(send, { input: { id: alice.id } })).code).toBeUndefined();
    expect((await admin.ask(send, { input: { id: alice.id } })).code).toBe('RATE_LIMITED');
  });
});
