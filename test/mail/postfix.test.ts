import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { startTestServer, type TestServer, waitUntil } from '../test-server.ts';
import { isInstalled, startPostfix } from './postfix.ts';

const addressAt = (domain: string, prefix = '') => `${prefix}${randomUUID()}@${domain}`;

/** Lets the next probe start now instead of in 15 s. */
const probeNow = ({ db }: TestServer) => db.prisma.mailOutage.updateMany({ data: { probeAt: new Date(0) } });

if (!isInstalled) {
  if (process.env.CI) throw new Error('There is no Postfix, or the tests do not run as root.');
  console.warn('\n!!! NO POSTFIX WAS FOUND, OR THE TESTS DO NOT RUN AS ROOT: the server was not tested with a real mail server.\n');
}

describe.skipIf(!isInstalled)('Postfix', { timeout: 60_000 }, async () => {
  const postfix = isInstalled ? await startPostfix() : (undefined as never);
  const server = await startTestServer({ SMTP_URL: postfix?.url, MAIL_FROM: 'Fieldgate <sender@example.com>' });
  const admin = await server.user('SUPERADMIN');

  /** Creates an account, whose owner gets an email to choose a password. */
  async function createUser(email: string) {
    const created = await admin.query('mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id } } }', {
      input: { email },
    });
    expect(created.code).toBeUndefined();
    return email;
  }
  const stateOf = (email: string) => server.db.prisma.outboxEmail.findFirstOrThrow({ where: { template: 'welcome', user: { email } } });
  const outcomeOf = (email: string) => waitUntil(async () => (await stateOf(email)).outcome);
  const isReceived = async (email: string) => (await postfix.received()).some((text) => text.includes(`Delivered-To: ${email}`));
  const logged = (event: string) => server.log.filter((line) => line.includes(`"${event}"`)).map((line) => JSON.parse(line));

  it('delivers an email with its link, sender and Message-ID', async () => {
    const email = await createUser(addressAt('example.com'));
    expect(await outcomeOf(email)).toBe('sent');
    await waitUntil(() => isReceived(email));
    const text = (await postfix.received()).find((mail) => mail.includes(email)) ?? '';
    expect(text).toMatch(/^From: Fieldgate <sender@example\.com>$/m);
    expect(text).toContain(`Message-ID: <${(await stateOf(email)).id}@`);
    expect(text.replaceAll('=\n', '')).toMatch(/\/reset\?token=(?:3D)?fgl_[\w-]{43}/);
  });

  it('rejects an unknown mailbox permanently, and an address that it does not relay to for now, without holding other emails', async () => {
    const [unknown, elsewhere] = [await createUser(addressAt('example.com', 'gone')), await createUser(addressAt('other.example'))];
    const fine = await createUser(addressAt('example.com'));
    expect([await outcomeOf(unknown), await outcomeOf(fine)]).toEqual(['rejected', 'sent']);
    await waitUntil(async () => (await stateOf(elsewhere)).error); // 454 Relay access denied
    expect((await stateOf(elsewhere)).completedAt).toBeNull();
    expect(await server.db.prisma.mailOutage.count()).toBe(0);
    expect(
      logged('sys_mail_failed')
        .map(({ replyCode }) => replyCode)
        .sort(),
    ).toEqual([454, 550]);
    expect(server.log.join('')).not.toContain(unknown);
  });

  it('lets emails wait while it rejects the sender permanently, and the log names MAIL_FROM', async () => {
    await postfix.rejectSender('sender@example.com');
    const email = await createUser(addressAt('example.com'));
    await waitUntil(() => server.db.prisma.mailOutage.findFirst());
    await waitUntil(async () => (await stateOf(email)).attempts === 0);
    expect(logged('sys_mail_unavailable')).toMatchObject([
      { setting: 'MAIL_FROM', replyText: expect.stringContaining('not your address') },
    ]);
    await postfix.rejectSender(null);
    await waitUntil(async () => {
      await probeNow(server);
      return (await stateOf(email)).outcome === 'sent';
    });
    await waitUntil(() => isReceived(email));
  });

  it('lets emails wait while it is stopped, and gets each once when it runs again', async () => {
    postfix.stop();
    const emails = [await createUser(addressAt('example.com')), await createUser(addressAt('example.com'))];
    await waitUntil(() => server.db.prisma.mailOutage.findFirst());
    expect(logged('sys_mail_unavailable').at(-1)).toMatchObject({ setting: 'SMTP_URL', code: 'ESOCKET' });
    postfix.start();
    await waitUntil(async () => {
      await probeNow(server);
      return (await Promise.all(emails.map(stateOf))).every(({ outcome }) => outcome === 'sent');
    });
    await waitUntil(async () => (await Promise.all(emails.map(isReceived))).every(Boolean));
    const texts = await postfix.received();
    for (const email of emails) expect(texts.filter((text) => text.includes(`Delivered-To: ${email}`))).toHaveLength(1);
  });
});
