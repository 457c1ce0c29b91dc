import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loginIdentifier } from '../../src/identity/accounts/username.ts';
import { emailTo, outcomes } from '../mail/emails.ts';
import { open } from '../test-server.ts';

const world = await open();
const recover = 'mutation ($input: RecoverUsernameInput!) { recoverUsername(input: $input) { ok } }';

describe('recoverUsername', () => {
  it('emails the confirmed username so that no mail client turns it into a link, and no unconfirmed username', async () => {
    const [alice, bob, name] = [await world.user(), await world.user(), `a${randomUUID().slice(0, 8)}`];
    await world.db.prisma.user.update({ where: { id: alice.uuid }, data: loginIdentifier(`${name}.com`) });
    await world.db.prisma.user.update({ where: { id: bob.uuid }, data: { username: `${name}.org` } });
    for (const { email } of [alice, bob]) await world.send(recover, { input: { email } });
    const { text } = await emailTo(world, alice.uuid, 'usernameReminder');
    expect(text).toContain(`${name}. com`);
    expect(text).not.toContain(`${name}.com`);
    expect((await emailTo(world, bob.uuid, 'usernameReminder')).text).not.toContain(name);
  });

  it('emails the login identifier to the owner and responds alike to unknown addresses', async () => {
    const alice = await world.user();
    const unknown = `${randomUUID()}@example.com`;
    for (const email of [alice.email, unknown])
      expect((await world.send(recover, { input: { email } })).data).toEqual({ recoverUsername: { ok: true } });
    expect((await emailTo(world, alice.uuid, 'usernameReminder')).text).toContain(alice.email);
    expect(await outcomes(world, 'usernameReminder', { emailKey: unknown })).toEqual(['nobody']);
  });
});
