import { describe, expect, it } from 'vitest';
import { startTestServer, waitUntil } from '../test-server.ts';
import { openSmtpServer } from './smtp-server.ts';

const request = 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }';

describe('an email', () => {
  it('is sent to the mail server as text and HTML with the sender and auto-reply headers', async () => {
    const smtp = await openSmtpServer();
    const server = await startTestServer({ SMTP_URL: smtp.url, MAIL_FROM: 'Example <no-reply@example.com>' });
    const alice = await server.user();
    await server.query(request, { input: { email: alice.email } });
    const { from, to, raw } = await waitUntil(() => smtp.taken[0]);
    const { id } = await server.db.prisma.outboxEmail.findFirstOrThrow({ where: { template: 'passwordReset' } });
    expect([from, to]).toEqual(['no-reply@example.com', [alice.email]]);
    for (const line of [
      'From: Example <no-reply@example.com>',
      'Subject: Choose a new password',
      'Auto-Submitted: auto-generated',
      `Message-ID: <${id}@fieldgate.test>`,
    ])
      expect(raw).toContain(line);
    expect(raw.match(/^Content-Type: text\/(plain|html); charset=utf-8/gim)).toHaveLength(2);
    await waitUntil(async () => (await server.db.prisma.outboxEmail.findUniqueOrThrow({ where: { id } })).outcome === 'sent');
    expect(await server.db.prisma.outboxEmail.findUniqueOrThrow({ where: { id } })).toMatchObject({ data: null, preview: null });
  });

  it('contains no header injected through the User-Agent', async () => {
    const smtp = await openSmtpServer();
    const server = await startTestServer({ SMTP_URL: smtp.url });
    const { email } = await server.user();
    const agent = '"><script src=//evil.example>=?utf-8?Q?=0D=0ABcc:_eve@evil.example?= %0d%0aBcc: eve@evil.example';
    await server.query(request, { input: { email } }, { headers: { 'user-agent': agent } });
    const { to, raw } = await waitUntil(() => smtp.taken[0]);
    const [head = '', ...body] = raw.split('\r\n\r\n');
    const names = [...head.matchAll(/^([\w-]+):/gm)].map(([, name]) => name?.toLowerCase()).sort();
    const ours = ['content-type', 'date', 'from', 'message-id', 'mime-version', 'subject', 'to'];
    expect([to, names]).toEqual([[email], [...ours, 'auto-submitted', 'x-auto-response-suppress'].sort()]);
    expect(body.join('').replaceAll('=\r\n', '')).toContain('&lt;script src=3D/ /evil. example&gt;');
  });
});
