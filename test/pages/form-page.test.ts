import { describe, expect, it } from 'vitest';
import { setupToken } from '../../src/identity/accounts/first-superadmin.ts';
import { invite } from '../invitation/fixtures.ts';
import { invitationEmailTo } from '../mail/emails.ts';
import { startTestServer } from '../test-server.ts';
import { loginErrorCode, openPage, password, passwordResetEmail, registerUser } from './page-client.ts';

const server = await startTestServer({ REQUIRE_EMAIL_CONFIRMATION: 'true', PASSWORD_MIN: '16' });
const { prisma } = server.db;
const newPassword = 'nine amber foxes fold a paper crane';

const confirmedAt = async (id: string) => (await prisma.user.findUniqueOrThrow({ where: { id } })).emailConfirmedAt;
const fault = (html: string) => /<p class="error" role="alert"[^>]*>(.*)<\/p>/.exec(html)?.[1];

describe('/confirm', () => {
  it('confirms the address and keeps the password when it is given', async () => {
    const { email, mail } = await registerUser(server);
    const { status, heading } = await openPage(server, '/confirm', { token: mail.token, password });
    expect([status, heading]).toEqual([200, 'Email address confirmed']);
    expect(await loginErrorCode(server, email, password)).toBeUndefined();
  });

  it('removes the password when the owner did not choose it and links to /reset', async () => {
    const { email, id, mail } = await registerUser(server);
    const { html } = await openPage(server, '/confirm', { token: mail.token, password: 'typed, but not meant', without: 'fields' });
    expect(html).toContain('The password was removed. <a href="reset">');
    expect(await loginErrorCode(server, email, password)).toBe('INVALID_CREDENTIALS');
    expect(await confirmedAt(id)).not.toBeNull();
  });

  it('does not treat an empty field as no password', async () => {
    const { id, mail } = await registerUser(server);
    const { status, html } = await openPage(server, '/confirm', { token: mail.token, password: '' });
    expect([status, fault(html)]).toEqual([400, 'This field is required.']);
    expect(await confirmedAt(id)).toBeNull();
  });

  it('reports a wrong password at its field and keeps the link valid', async () => {
    const { id, mail } = await registerUser(server);
    const { status, html, title } = await openPage(server, '/confirm', { token: mail.token, password: 'a guess' });
    expect([status, title, fault(html)]).toEqual([400, 'Error: Confirm your email address', 'Wrong password.']);
    expect(html).not.toContain('a guess');
    expect(html).toMatch(
      /<p [^>]*id="password-error">[\s\S]*<input id="password"[^>]* aria-describedby="password-error" aria-invalid="true"/,
    );
    await openPage(server, '/confirm', { token: /name="token" value="(.*?)"/.exec(html)?.[1] ?? '', password });
    expect(await confirmedAt(id)).not.toBeNull();
  });

  it('resends the confirmation email when it is opened without a token', async () => {
    const { email, id } = await registerUser(server);
    expect((await openPage(server, '/confirm', { email })).heading).toBe('Check your email');
    expect(await prisma.outboxEmail.count({ where: { template: 'emailConfirmation', OR: [{ userId: id }, { emailKey: email }] } })).toBe(2);
  });
});

describe('/reset', () => {
  it('sets a new password', async () => {
    const alice = await registerUser(server);
    const { token } = await passwordResetEmail(server, alice);
    expect((await openPage(server, '/reset', { token, newPassword })).heading).toBe('Password changed');
    expect(await loginErrorCode(server, alice.email, newPassword)).toBeUndefined();
  });

  it('reports a weak password at its field and keeps the link valid', async () => {
    const alice = await registerUser(server);
    const { token } = await passwordResetEmail(server, alice);
    const { status, html } = await openPage(server, '/reset', { token, newPassword: 'short' });
    expect([status, fault(html)]).toEqual([400, 'Must have at least 16 characters.']);
    expect((await openPage(server, '/reset', { token, newPassword })).status).toBe(200);
  });

  it('emails a link when it is opened without a token, with the same response for any address', async () => {
    const { email, id } = await registerUser(server);
    const [known, unknown] = [
      await openPage(server, '/reset', { email }),
      await openPage(server, '/reset', { email: 'unknown@example.com' }),
    ];
    expect(known.html).toBe(unknown.html);
    expect(await prisma.outboxEmail.count({ where: { template: 'passwordReset', emailKey: email } })).toBe(1);
    expect(await prisma.outboxEmail.count({ where: { userId: id, template: 'passwordReset' } })).toBe(0);
  });

  it('keeps the entered address after an error, escaped', async () => {
    const { status, html } = await openPage(server, '/reset', { email: 'ada@nowhere"><script>' });
    expect([status, fault(html)]).toEqual([400, 'Must be a valid email address.']);
    expect(html).toContain('value="ada@nowhere&quot;&gt;&lt;script&gt;"');
  });

  it('reports a used, expired or unknown link and offers a new one', async () => {
    const alice = await registerUser(server);
    const { token } = await passwordResetEmail(server, alice);
    await openPage(server, '/reset', { token, newPassword });
    for (const spent of [token, `fgl_${'A'.repeat(43)}`, 'x'.repeat(5_000)]) {
      const { status, html } = await openPage(server, '/reset', { token: spent, newPassword });
      expect([status, fault(html)]).toEqual([400, expect.stringMatching(/^This link is not valid: /)]);
      expect(html).toContain('<a href="reset">Request a new email</a>');
    }
  });
});

describe('the form for the code in an email', () => {
  it('sets a new password with the address and the code, typed with blanks', async () => {
    const alice = await registerUser(server);
    const { code, text } = await passwordResetEmail(server, alice);
    expect(text).toContain(`enter the code at ${server.config.PUBLIC_URL}/reset?code`);
    const form = await openPage(server, '/reset?code');
    expect(form.html).toMatch(/<form method="post" action="reset\?code">/);
    expect(form.html).toMatch(/<input id="code" name="code" type="text" autocomplete="one-time-code" value="" inputmode="numeric"/);
    const typed = `${code.slice(0, 4)} ${code.slice(4)}`;
    expect((await openPage(server, '/reset?code', { email: alice.email, code: typed, newPassword })).heading).toBe('Password changed');
    expect(await loginErrorCode(server, alice.email, newPassword)).toBeUndefined();
  });

  it('confirms an address with or without the password', async () => {
    const [alice, bob] = [await registerUser(server), await registerUser(server)];
    await openPage(server, '/confirm?code', { email: alice.email, code: alice.mail.code, password });
    expect(await loginErrorCode(server, alice.email, password)).toBeUndefined();
    const { html } = await openPage(server, '/confirm?code', { email: bob.email, code: bob.mail.code, password, without: 'fields' });
    expect(html).toContain('The password was removed.');
    expect(await confirmedAt(bob.id)).not.toBeNull();
  });

  it('requires the address and the code for both buttons', async () => {
    const buttons: Record<string, string>[] = [{}, { without: 'fields' }];
    for (const button of buttons) {
      const { status, html } = await openPage(server, '/confirm?code', { password, ...button });
      expect([status, html.match(/This field is required\./g)?.length]).toEqual([400, 2]);
    }
  });

  it('accepts an invitation', async () => {
    const { email } = await invite(server, await server.user('ADMIN'), { role: 'USER' });
    const { code } = await invitationEmailTo(server, email);
    expect((await openPage(server, '/invite', { email, code, password: newPassword })).heading).toBe('Account created');
    expect(await loginErrorCode(server, email, newPassword)).toBeUndefined();
  });

  it('answers a wrong code, an unknown address and a used code alike, and keeps the address but not the code', async () => {
    const alice = await registerUser(server);
    const { code } = await passwordResetEmail(server, alice);
    const wrong = code === '12345678' ? '12345679' : '12345678';
    const send = (email: string, typed: string) => openPage(server, '/reset?code', { email, code: typed, newPassword });
    const answers = [await send(alice.email, wrong), await send('unknown@example.com', wrong)];
    expect((await send(alice.email, code)).status).toBe(200);
    answers.push(await send(alice.email, code));
    for (const { status, html } of answers) {
      expect([status, fault(html)]).toEqual([400, expect.stringMatching(/^The email address or the code is wrong, /)]);
      expect(html).not.toMatch(new RegExp(`${code}|${wrong}|${newPassword}`));
    }
    expect(answers[0]?.html.replace(alice.email, '')).toBe(answers[1]?.html.replace('unknown@example.com', ''));
    expect(answers[0]?.html).toContain(`value="${alice.email}"`);
  });

  it('is linked from the pages that request an email', async () => {
    const { email } = await registerUser(server);
    expect((await openPage(server, '/reset')).html).toContain('<a href="reset?code">');
    expect((await openPage(server, '/reset', { email })).html).toContain('<a href="reset?code">');
    expect((await openPage(server, '/confirm?code')).html).toContain('<a href="confirm">Request a new email</a>');
  });
});

describe('a link that is not valid', () => {
  const wrong = `fgl_${'A'.repeat(43)}`;
  it.each([
    ['/confirm', { token: wrong, password: newPassword }, '<a href="confirm">Request a new email</a>'],
    ['/reset', { token: wrong, newPassword }, '<a href="reset">Request a new email</a>'],
    ['/invite', { token: wrong, password: newPassword }, '<a href="invite">Enter the code instead</a>'],
    ['/email-change', { token: wrong, password: newPassword }, '<a href="email-change">Enter the code instead</a>'],
  ])('of %s offers what the page can do instead', async (path, form, link) => {
    const { title, html } = await openPage(server, path, form);
    expect(title).toBe('Error: Invalid link');
    expect(html).toContain(link);
  });

  it('that undoes an email change has no other way', async () => {
    const { title, html } = await openPage(server, '/email-change', { undo: wrong });
    expect(title).toBe('Error: Invalid link');
    expect(html).not.toContain('<a ');
  });
});

describe('a page that an email links to', () => {
  it('changes nothing and does not query the database when it is opened', async () => {
    const { id, mail } = await registerUser(server);
    await prisma.$transaction(async (tx) => {
      await tx.$executeRaw`lock table "EmailLink", "User", "RateLimit", "AuditEvent" in access exclusive mode`;
      for (const path of [`/confirm?token=${mail.token}`, `/reset?token=${mail.token}`, '/confirm', '/reset'])
        expect((await openPage(server, path)).status).toBe(200);
    });
    expect(await confirmedAt(id)).toBeNull();
  });

  it('sends no referrer, is not cached, and may only submit its own form', async () => {
    const { headers } = await openPage(server, '/reset?token=secret');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
  });

  it('puts the token, escaped, only into the hidden field, and not into the log', async () => {
    const { html } = await openPage(server, `/reset?token=${encodeURIComponent('"><script>alert(1)</script>')}`);
    expect(html).toContain('value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"');
    expect(html).not.toContain('<script');
    await openPage(server, '/reset', { token: 'fgl_seen-in-no-log', newPassword });
    expect(server.log.join('')).not.toContain('seen-in-no-log');
  });

  it('accepts a form from its own origin or without an origin, and rejects other origins', async () => {
    const send = async (headers: Record<string, string>) => (await openPage(server, '/reset', { email: 'a@example.com' }, headers)).status;
    const elsewhere = await send({ origin: 'https://elsewhere.example' });
    expect([await send({}), await send({ origin: 'null' }), await send({ origin: server.url }), elsewhere]).toEqual([200, 200, 200, 403]);
  });

  it('accepts only forms of limited size with each field at most once', async () => {
    const send = async (body: string, type = 'application/x-www-form-urlencoded') =>
      (await fetch(`${server.url}/reset`, { method: 'POST', body, headers: { 'content-type': type } })).status;
    expect(await send('{"email":"a@example.com"}', 'application/json')).toBe(415);
    expect(await send(`email=${'a'.repeat(20_000)}`)).toBe(413);
    expect(await send('email=a%40example.com&email=b%40example.com')).toBe(400);
    expect((await fetch(`${server.url}/reset`, { method: 'DELETE' })).headers.get('allow')).toBe('GET, HEAD, POST');
  });

  it('is rate-limited like the API, with Retry-After', async () => {
    const headers = { 'x-forwarded-for': '10.9.8.7' };
    const statuses = new Map<number, Headers>();
    for (let times = 0; times < 101; times += 1) {
      const answer = await openPage(server, '/reset', { token: 'made up', newPassword }, headers);
      statuses.set(answer.status, answer.headers);
    }
    expect([...statuses.keys()]).toEqual([400, 429]);
    expect(Number(statuses.get(429)?.get('retry-after'))).toBeGreaterThan(0);
  });

  it('records the same audit events as the API', async () => {
    const { id, mail } = await registerUser(server);
    await openPage(server, '/confirm', { token: mail.token, password }, { 'user-agent': 'a browser' });
    expect(await prisma.auditEvent.findFirst({ where: { userId: id, reason: 'email confirmed' } })).toMatchObject({ agent: 'a browser' });
  });
});

describe('/invite', () => {
  it('creates the account of the invited user', async () => {
    const { email, token } = await invite(server, await server.user('ADMIN'), { role: 'USER' });
    const { status, heading } = await openPage(server, '/invite', { token, displayName: '', password: newPassword });
    expect([status, heading]).toEqual([200, 'Account created']);
    expect(await loginErrorCode(server, email, newPassword)).toBeUndefined();
  });

  it('tells a user with an account to log in and keeps the invitation valid', async () => {
    const alice = await server.user();
    const { token, uuid } = await invite(server, await server.user('ADMIN'), { role: 'USER', email: alice.email });
    const { status, html } = await openPage(server, '/invite', { token, password: newPassword });
    expect([status, fault(html)]).toEqual([400, expect.stringContaining('already have an account')]);
    expect((await prisma.invitation.findUniqueOrThrow({ where: { id: uuid } })).acceptedAt).toBeNull();
  });
});

describe('/setup', async () => {
  const fresh = await startTestServer();
  const token = setupToken(fresh) ?? '';
  const email = 'ada@example.com';
  const visibleToken = /<input id="token" name="token" type="text" autocomplete="off" value=""/;

  it('shows the form of the link, or asks for the token', async () => {
    const [linked, plain] = [await openPage(fresh, `/setup?token=${token}`), await openPage(fresh, '/setup')];
    expect([linked.status, plain.status]).toEqual([200, 200]);
    expect(linked.html).toContain(`<input type="hidden" name="token" value="${token}">`);
    expect(linked.html).not.toMatch(visibleToken);
    expect(plain.html).toMatch(visibleToken);
    expect(linked.headers.get('content-security-policy')).toBe(plain.headers.get('content-security-policy'));
    expect(linked.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(linked.headers.get('referrer-policy')).toBe('no-referrer');
  });

  it('says in the same way that the token is wrong or that there is an administrator', async () => {
    const wrong = await openPage(fresh, '/setup', { token: 'guess', email, password });
    expect([wrong.status, wrong.heading]).toEqual([400, 'No administrator was created']);
    expect(fault(wrong.html)).toBe('The setup token is wrong, or an administrator exists already.');
    expect(wrong.html).toContain('<a href="setup">Enter the setup token again</a>');
    expect(fault((await openPage(fresh, '/setup', { email, password })).html)).toBe('This field is required.');
    expect(fault((await openPage(fresh, '/setup', { token, email, password: 'short' })).html)).toBe('Must have at least 15 characters.');
    expect((await openPage(fresh, '/setup', { token, email, password })).heading).toBe('Administrator created');
    expect((await openPage(fresh, '/setup', { token, email: 'eve@example.com', password })).html).toBe(wrong.html);
    expect(await loginErrorCode(fresh, email, password)).toBeUndefined();
  });
});
