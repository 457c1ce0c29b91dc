import { describe, expect, it } from 'vitest';
import { emailTo } from '../mail/emails.ts';
import { openSmtpServer } from '../mail/smtp-server.ts';
import { open, until, type World } from '../test-server.ts';
import { openPage } from './page-client.ts';

const register = 'mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }';

/** Somebody who was sent a letter. */
async function registrant(world: World, email: string) {
  await world.send(register, { input: { email, password: 'seven teal herons misread a map' } });
  return world.db.prisma.user.findUniqueOrThrow({ where: { emailKey: email } });
}

describe('/dev/mails', async () => {
  const world = await open();

  it('lists what would have been sent, the newest first, and shows each as text and as HTML', async () => {
    for (const name of ['ada', 'grace']) await emailTo(world, (await registrant(world, `${name}@example.com`)).id, 'confirmation');
    const list = await openPage(world, '/dev/mails');
    const found = [...list.html.matchAll(/<a href="(mails\/[\w-]+)">(.*?)<\/a><br>to (.*?),/g)].map(([, path, subject, to]) => ({
      path,
      subject,
      to,
    }));
    expect(found.map(({ to }) => to)).toEqual(['grace@example.com', 'ada@example.com']);
    expect(found[0]?.subject).toBe('Confirm your e-mail address');
    const one = await openPage(world, `/dev/${found[0]?.path}`);
    expect([one.status, one.heading]).toEqual([200, 'Confirm your e-mail address']);
    expect(one.html).toMatch(/<a href="(http:\/\/fieldgate\.test\/confirm\?token=[\w-]+)">\1<\/a>/);
    const asHtml = await openPage(world, `/dev/${found[0]?.path}/html`);
    expect(asHtml.headers.get('content-security-policy')).toContain("default-src 'none'; style-src 'unsafe-inline'");
    expect(asHtml.html).toContain('>Confirm the address</a>');
  });

  it('has no letter of another id', async () => {
    expect((await openPage(world, '/dev/mails/0190a0a0-0000-7000-8000-000000000000')).status).toBe(404);
    expect((await openPage(world, '/dev/mails/nonsense')).status).toBe(404);
  });

  it('is not there where letters are sent, nor in production', async () => {
    const smtp = await openSmtpServer();
    const production = { NODE_ENV: 'production', DATABASE_URL: 'postgresql://nowhere/x', MAIL_FROM: 'a@example.com' };
    for (const settings of [{ SMTP_URL: smtp.url }, { ...production, SMTP_URL: smtp.url }]) {
      const other = await open(settings);
      expect((await openPage(other, '/dev/mails')).status).toBe(404);
      await other.close();
    }
  });
});

describe('the log', () => {
  it('has the letters of a server in development, and of no other', async () => {
    const [development, test] = [await open({ NODE_ENV: 'development' }), await open()];
    for (const world of [development, test]) {
      const { id } = await registrant(world, 'ada@example.com');
      await emailTo(world, id, 'confirmation');
    }
    const line = await until(() => development.log.map((text) => JSON.parse(text)).find(({ subject }) => subject));
    expect(line).toMatchObject({ level: 30, to: 'ada@example.com', subject: 'Confirm your e-mail address' });
    expect(line.text).toMatch(/\/confirm\?token=fgl_/);
    expect(test.log.join('')).not.toContain('fgl_');
  });
});
