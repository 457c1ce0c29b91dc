import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loginIdentifier } from '../../src/identity/accounts/username.ts';
import { emailTo, outcomes } from '../mail/emails.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const recover = 'mutation ($input: RecoverUsernameInput!) { recoverUsername(input: $input) { ok } }';

describe('recoverUsername', () => {
  it('emails the confirmed username so that no mail client turns it into a link, and no unconfirmed username', async () => {
    const [alice, bob, name] = [await server.user(), await server.user(), `a${randomUUID().slice(0, 8)}`];
    await server.db.prisma.user.update({ where: { id: alice.uuid }, data: loginIdentifier(`${name}.com`) });
    await server.db.prisma.user.update({ where: { id: bob.uuid }, data: { username: `${name}.org` } });
    for (const { email } of [alice, bob]) await server.query(recover, { input: { email } });
    const { text } = await emailTo(server, alice.uuid, 'usernameReminder');
    expect(text).toContain(`${name}. com`);
    expect(text).not.toContain(`${name}.com`);
    expect((await emailTo(server, bob.uuid, 'usernameReminder')).text).not.toContain(name);
  });

  it('emails the login identifier to the owner and responds alike to unknown addresses', async () => {
    const alice = await server.user();
    const unknown = `${randomUUID()}@example.com`;
    for (const email of [alice.email, unknown])
      expect((await server.query(recover, { input: { email } })).data).toEqual({ recoverUsername: { ok: true } });
    expect((await emailTo(server, alice.uuid, 'usernameReminder')).text).toContain(alice.email);
    expect(await outcomes(server, 'usernameReminder', { emailKey: unknown })).toEqual(['no_recipient']);
  });
});
