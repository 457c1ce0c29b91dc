import { describe, expect, it } from 'vitest';
import { emailTo, invitationEmailTo } from '../mail/emails.ts';
import { openSmtpServer } from '../mail/smtp-server.ts';
import { startTestServer, type TestServer, waitUntil } from '../test-server.ts';
import { openPage } from './page-client.ts';

const register = 'mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }';

/** Registers a user, who is sent an email. */
async function registerUser(server: TestServer, email: string) {
  await server.query(register, { input: { email, password: 'seven teal herons misread a map' } });
  return server.db.prisma.user.findUniqueOrThrow({ where: { emailKey: email } });
}

describe('/dev/mails', async () => {
  const server = await startTestServer();

  it('lists emails newest first and shows each as text and as HTML', async () => {
    for (const name of ['ada', 'grace']) await emailTo(server, (await registerUser(server, `${name}@example.com`)).id, 'emailConfirmation');
    const list = await openPage(server, '/dev/mails');
    const found = [...list.html.matchAll(/<a href="(mails\/[\w-]+)">(.*?)<\/a><br>to (.*?),/g)].map(([, path, subject, to]) => ({
      path,
      subject,
      to,
    }));
    expect(found.map(({ to }) => to)).toEqual(['grace@example.com', 'ada@example.com']);
    expect(found[0]?.subject).toBe('Confirm your email address');
    const one = await openPage(server, `/dev/${found[0]?.path}`);
    expect([one.status, one.heading]).toEqual([200, 'Confirm your email address']);
    expect(one.html).toMatch(/<a href="(http:\/\/fieldgate\.test\/confirm\?token=[\w-]+)">\1<\/a>/);
    const asHtml = await openPage(server, `/dev/${found[0]?.path}/html`);
    expect(asHtml.headers.get('content-security-policy')).toContain("default-src 'none'; style-src 'unsafe-inline'");
    expect(asHtml.html).toContain('>Confirm email address</a>');
  });

  it('shows the recipient of an invitation', async () => {
    const admin = await server.user('ADMIN');
    const invite = 'mutation ($input: InviteUserInput!) { inviteUser(input: $input) { invitation { id } } }';
    await admin.query(invite, { input: { email: 'Guest@example.com', role: 'USER' } });
    await invitationEmailTo(server, 'Guest@example.com');
    expect((await openPage(server, '/dev/mails')).html).toContain('<br>to Guest@example.com, ');
  });

  it('returns 404 for an unknown id', async () => {
    expect((await openPage(server, '/dev/mails/0190a0a0-0000-7000-8000-000000000000')).status).toBe(404);
    expect((await openPage(server, '/dev/mails/nonsense')).status).toBe(404);
  });

  it('responds like an unknown path to every method when SMTP_URL is set and in production', async () => {
    const smtp = await openSmtpServer();
    const production = { NODE_ENV: 'production', DATABASE_URL: 'postgresql://nowhere/x', MAIL_FROM: 'a@example.com' };
    const id = '0190a0a0-0000-7000-8000-000000000000';
    for (const settings of [{ SMTP_URL: smtp.url }, { ...production, SMTP_URL: smtp.url }]) {
      const other = await startTestServer(settings);
      const respond = async (method: string, path: string) => {
        const response = await fetch(`${other.url}${path}`, { method });
        const { date, 'x-request-id': _, ...headers } = Object.fromEntries(response.headers);
        return { status: response.status, headers, body: await response.text() };
      };
      for (const method of ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
        const unknown = await respond(method, '/nothing');
        expect(unknown.status).toBe(404);
        for (const path of ['/dev/mails', '/dev/mails?page=2', `/dev/mails/${id}`, `/dev/mails/${id}/html`])
          expect(await respond(method, path), `${method} ${path}`).toEqual(unknown);
      }
      await other.close();
    }
  }, 60_000);
});

describe('the log', () => {
  it('contains emails in development only', async () => {
    const [development, test] = [await startTestServer({ NODE_ENV: 'development' }), await startTestServer()];
    for (const server of [development, test]) {
      const { id } = await registerUser(server, 'ada@example.com');
      await emailTo(server, id, 'emailConfirmation');
    }
    const line = await waitUntil(() => development.log.map((text) => JSON.parse(text)).find(({ subject }) => subject));
    expect(line).toMatchObject({ level: 'info', to: 'ada@example.com', subject: 'Confirm your email address' });
    expect(line.text).toMatch(/\/confirm\?token=fgl_/);
    expect(test.log.join('')).not.toContain('fgl_');
  });
});
