import { describe, expect, it } from 'vitest';
import { letterTo } from '../mail/letters.ts';
import { open } from '../test-server.ts';

const world = await open();
const send = 'mutation ($input: SendPasswordResetInput!) { sendPasswordReset(input: $input) { user { id } } }';

describe('sendPasswordReset', () => {
  it('mails the user a link, which the administrator never sees', async () => {
    const [admin, alice] = [await world.user('ADMIN'), await world.user()];
    const answer = await admin.ask(send, { input: { id: alice.id } });
    expect(answer.data).toEqual({ sendPasswordReset: { user: { id: alice.id } } });
    const letter = await letterTo(world, alice.uuid, 'passwordReset');
    expect(letter.text).toContain('An administrator has asked for this letter');
    expect(letter.token).not.toBe('');
    expect((await alice.ask('{ me { id } }')).data.me.id).toBe(alice.id);
  });

  it('is for whoever outranks the user: not for a user, a domain’s administrator, or an equal', async () => {
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

  it('is counted for each administrator: who is refused uses up nobody else’s letters', async () => {
    const [superadmin, admin, other] = [await world.user('SUPERADMIN'), await world.user('ADMIN'), await world.user('ADMIN')];
    for (let times = 0; times < 4; times += 1) await admin.ask(send, { input: { id: other.id } });
    expect((await superadmin.ask(send, { input: { id: other.id } })).code).toBeUndefined();
  });

  it('is for three letters an hour to one user', async () => {
    const [admin, alice] = [await world.user('ADMIN'), await world.user()];
    for (let times = 0; times < 3; times += 1) expect((await admin.ask(send, { input: { id: alice.id } })).code).toBeUndefined();
    expect((await admin.ask(send, { input: { id: alice.id } })).code).toBe('RATE_LIMITED');
  });
});
