import { describe, expect, it } from 'vitest';
import { open, until } from '../world.ts';
import { openSmtpServer } from './smtp-server.ts';

const request = 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }';

describe('a letter', () => {
  it('goes to the mail server as text and HTML, with what says who sent it and that nobody need answer', async () => {
    const smtp = await openSmtpServer();
    const world = await open({ SMTP_URL: smtp.url, MAIL_FROM: 'Example <no-reply@example.com>' });
    const alice = await world.user();
    await world.send(request, { input: { email: alice.email } });
    const { from, to, raw } = await until(() => smtp.taken[0]);
    const { id } = await world.db.prisma.mail.findFirstOrThrow({ where: { letter: 'passwordReset' } });
    expect([from, to]).toEqual(['no-reply@example.com', [alice.email]]);
    for (const line of [
      'From: Example <no-reply@example.com>',
      'Subject: Choose a new password',
      'Auto-Submitted: auto-generated',
      `Message-ID: <${id}@fieldgate.test>`,
    ])
      expect(raw).toContain(line);
    expect(raw.match(/^Content-Type: text\/(plain|html); charset=utf-8/gim)).toHaveLength(2);
    await until(async () => (await world.db.prisma.mail.findUniqueOrThrow({ where: { id } })).outcome === 'sent');
    expect(await world.db.prisma.mail.findUniqueOrThrow({ where: { id } })).toMatchObject({ facts: null, shown: null });
  });
});
