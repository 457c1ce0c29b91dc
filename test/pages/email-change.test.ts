import { describe, expect, it } from 'vitest';
import { changeEmail, currentEmail, requestChange } from '../auth/email-change.ts';
import { emailTo } from '../mail/emails.ts';
import { startTestServer } from '../test-server.ts';
import { openPage } from './page-client.ts';

const server = await startTestServer();

describe('/email-change', () => {
  it('changes the address when the password is given', async () => {
    const alice = await server.user();
    const { email, token } = await requestChange(server, alice);
    expect((await openPage(server, `/email-change?token=${token}`)).heading).toBe('Confirm your new email address');
    expect((await openPage(server, '/email-change', { token, password: 'a guess' })).status).toBe(400);
    expect((await openPage(server, '/email-change', { token, password: alice.password })).heading).toBe('Email address changed');
    expect(await currentEmail(server, alice)).toBe(email);
  });

  it('changes the address with the code from the email and the password', async () => {
    const alice = await server.user();
    const { email, code } = await requestChange(server, alice);
    expect((await openPage(server, '/email-change?code')).html).toContain('name="code"');
    expect((await openPage(server, '/email-change', { email, code, password: 'a guess' })).status).toBe(400);
    expect((await openPage(server, '/email-change', { email, code, password: alice.password })).heading).toBe('Email address changed');
    expect(await currentEmail(server, alice)).toBe(email);
  });

  it('reports that the address has been taken in the meantime', async () => {
    const alice = await server.user();
    const { email, token } = await requestChange(server, alice);
    await server.db.prisma.user.create({ data: { email, emailKey: email } });
    const { status, html } = await openPage(server, '/email-change', { token, password: alice.password });
    expect([status, /<p class="error" role="alert"[^>]*>(.*)<\/p>/.exec(html)?.[1]]).toEqual([409, 'Already taken. Choose another one.']);
  });

  it('undoes the change with the link to the old address after a confirmation; opening the page changes nothing', async () => {
    const alice = await server.user();
    const { email, token } = await changeEmail(server, alice);
    const [path = ''] = /\/email-change\?undo=fgl_[\w-]{43}/.exec((await emailTo(server, alice.uuid, 'emailChanged')).text) ?? [];
    expect((await openPage(server, path)).heading).toBe('Undo the email address change');
    expect(await currentEmail(server, alice)).toBe(email);
    expect((await openPage(server, '/email-change', { undo: token })).heading).toBe('Old email address restored');
    expect(await currentEmail(server, alice)).toBe(alice.email);
  });
});
