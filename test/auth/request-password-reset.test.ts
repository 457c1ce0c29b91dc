import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { emailTo, outcomes } from '../mail/emails.ts';
import { startTestServer, uniqueAddress } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;
const request = 'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { ok } }';

describe('requestPasswordReset', () => {
  it('responds alike to known, unknown, disabled and unconfirmed addresses', async () => {
    const [known, disabled, unconfirmed] = [await server.user(), await server.user(), await server.user()];
    await prisma.user.update({ where: { id: disabled.uuid }, data: { enabled: false } });
    await prisma.user.update({ where: { id: unconfirmed.uuid }, data: { emailConfirmedAt: null } });
    const emails = [known.email, unconfirmed.email, disabled.email, `${randomUUID()}@example.com`];
    const answers = [];
    for (const email of emails) {
      const { status, headers, data, errors } = await server.query(request, { input: { email } });
      answers.push(JSON.stringify([status, [...headers.keys()], data, errors]));
    }
    expect(new Set(answers).size).toBe(1);
    const results = await Promise.all(emails.map((emailKey) => outcomes(server, 'passwordReset', { emailKey })));
    expect(results).toEqual([['previewed'], ['previewed'], ['obsolete'], ['no_recipient']]);
  });

  it('emails the stored address, not the spelling in the request', async () => {
    const alice = await server.user();
    await server.query(request, { input: { email: alice.email.toUpperCase() } });
    const mail = await emailTo(server, alice.uuid, 'passwordReset');
    expect(mail.text).toContain(`${server.config.PUBLIC_URL}/reset?token=${mail.token}`);
    expect(await prisma.emailLink.findFirstOrThrow({ where: { userId: alice.uuid } })).toMatchObject({
      email: alice.email,
      purpose: 'RESET_PASSWORD',
    });
  });

  it('allows a network 30 emails an hour', async () => {
    const address = uniqueAddress();
    const send = () => server.query(request, { input: { email: `${randomUUID()}@example.com` } }, { address });
    for (let times = 0; times < 30; times += 1) expect((await send()).code).toBeUndefined();
    expect((await send()).code).toBe('RATE_LIMITED');
  });

  it('records an audit event with the account', async () => {
    const alice = await server.user();
    await server.query(request, { input: { email: alice.email } });
    const rows = await prisma.auditEvent.findMany({ where: { userId: alice.uuid, action: 'user_email_requested' } });
    expect(rows).toMatchObject([{ reason: 'passwordReset', actorId: null, result: 'ok' }]);
  });

  it('keeps the token out of the outbox and the log', async () => {
    const alice = await server.user();
    await server.query(request, { input: { email: alice.email } });
    const { token } = await emailTo(server, alice.uuid, 'passwordReset');
    const mails = await prisma.outboxEmail.findMany({ where: { emailKey: alice.email }, omit: { preview: true } });
    expect(JSON.stringify([mails, await prisma.auditEvent.findMany(), server.log])).not.toContain(token);
  });
});
