import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { outcomes } from '../mail/emails.ts';
import { startTestServer, uniqueAddress } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;
const resend = 'mutation ($input: ResendConfirmationInput!) { resendConfirmation(input: $input) { ok } }';

describe('resendConfirmation', () => {
  it('responds to every address alike and emails only unconfirmed accounts', async () => {
    const [waiting, confirmed, disabled] = [await server.user(), await server.user(), await server.user()];
    await prisma.user.updateMany({ where: { id: { in: [waiting.uuid, disabled.uuid] } }, data: { emailConfirmedAt: null } });
    await prisma.user.update({ where: { id: disabled.uuid }, data: { enabled: false } });
    const emails = [waiting.email, confirmed.email, disabled.email, `${randomUUID()}@example.com`];
    for (const email of emails) {
      const { status, data, errors } = await server.query(resend, { input: { email } });
      expect([status, data, errors]).toEqual([200, { resendConfirmation: { ok: true } }, undefined]);
    }
    const results = await Promise.all(emails.map((emailKey) => outcomes(server, 'emailConfirmation', { emailKey })));
    expect(results).toEqual([['previewed'], ['obsolete'], ['obsolete'], ['no_recipient']]);
  });

  it('allows a network 3 emails an hour for an address, in all its spellings, with or without an account', async () => {
    const address = uniqueAddress();
    for (const email of [(await server.user()).email, `${randomUUID()}@example.com`]) {
      for (let times = 0; times < 3; times += 1)
        expect((await server.query(resend, { input: { email } }, { address })).code).toBeUndefined();
      expect((await server.query(resend, { input: { email: email.toUpperCase() } }, { address })).code).toBe('RATE_LIMITED');
    }
  });

  it('rejects a malformed address', async () => {
    expect(await server.query(resend, { input: { email: 'no address' } })).toMatchObject({
      code: 'INVALID_INPUT',
      errors: [{ extensions: { fields: { email: [expect.any(String)] } } }],
    });
  });
});
