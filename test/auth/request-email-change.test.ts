import { describe, expect, it } from 'vitest';
import { outcomes } from '../mail/emails.ts';
import { comparableResult, startTestServer } from '../test-server.ts';
import { confirmMutation, currentEmail, loginMutation, newEmail, requestChange, requestMutation } from './email-change.ts';

const server = await startTestServer();
const { prisma } = server.db;

describe('requestEmailChange', () => {
  it('emails the new address a link valid for an hour and keeps the old address until it is used', async () => {
    const alice = await server.user();
    const { text, email } = await requestChange(server, alice);
    expect(text).toMatch(/\/email-change\?token=fgl_[\s\S]*for 1 hour \(until /);
    const [mail] = await prisma.outboxEmail.findMany({ where: { userId: alice.uuid, template: 'emailChangeConfirmation' } });
    expect([mail?.address, await currentEmail(server, alice)]).toEqual([email, alice.email]);
    expect((await server.query(loginMutation, { input: { email: alice.email, password: alice.password } })).code).toBeUndefined();
    expect((await server.query(loginMutation, { input: { email, password: alice.password } })).code).toBe('INVALID_CREDENTIALS');
  });

  it('responds alike to taken and free addresses and sends nothing to a taken one', async () => {
    const [alice, bob, carol] = [await server.user(), await server.user(), await server.user()];
    const taken = await alice.query(requestMutation, { input: { newEmail: bob.email.toUpperCase() } });
    const free = await carol.query(requestMutation, { input: { newEmail: newEmail() } });
    expect(comparableResult(taken)).toEqual(comparableResult(free));
    expect(await outcomes(server, 'emailChangeConfirmation', { userId: alice.uuid })).toEqual(['obsolete']);
    expect(await prisma.emailLink.count({ where: { userId: alice.uuid } })).toBe(0);
  });

  it('rejects malformed addresses and the current address', async () => {
    const alice = await server.user();
    for (const newEmail of ['nonsense', alice.email.toUpperCase()])
      expect(await alice.query(requestMutation, { input: { newEmail } })).toMatchObject({
        code: 'INVALID_INPUT',
        errors: [{ extensions: { fields: { newEmail: expect.any(Array) } } }],
      });
  });

  it('requires a fresh session', async () => {
    const alice = await server.user();
    const input = { newEmail: newEmail() };
    const create = 'mutation { createApiToken(input: { description: "a script", scopes: ["users:write"] }) { secret } }';
    const { secret } = (await alice.query(create)).data.createApiToken;
    expect((await server.query(requestMutation, { input }, { token: secret })).code).toBe('FORBIDDEN');
    expect((await server.query(requestMutation, { input })).code).toBe('UNAUTHENTICATED');
    await prisma.token.updateMany({ where: { userId: alice.uuid }, data: { authenticatedAt: new Date(0) } });
    expect((await alice.query(requestMutation, { input })).code).toBe('REAUTHENTICATION_REQUIRED');
  });

  it('sends an address 20 emails without a wait, for any number of requesting users', async () => {
    const email = newEmail();
    const codes = [];
    for (let times = 0; times < 21; times += 1)
      codes.push((await (await server.user()).query(requestMutation, { input: { newEmail: email } })).code);
    expect(codes.indexOf('RATE_LIMITED')).toBe(20);
  });

  it('records an audit event that does not contain the address', async () => {
    const alice = await server.user();
    const { email } = await requestChange(server, alice);
    const rows = await prisma.auditEvent.findMany({ where: { userId: alice.uuid, action: 'user_email_requested' } });
    expect(rows).toMatchObject([{ reason: 'emailChangeConfirmation', actorId: alice.uuid, targetId: alice.uuid }]);
    expect(JSON.stringify(rows)).not.toContain(email);
  });

  it('keeps only the address that is confirmed first when two are requested', async () => {
    const alice = await server.user();
    const [first, second] = [await requestChange(server, alice), await requestChange(server, alice, newEmail(), 2)];
    expect((await alice.query(confirmMutation, { input: { token: first.token } })).code).toBeUndefined();
    expect((await alice.query(confirmMutation, { input: { token: second.token } })).code).toBe('INVALID_TOKEN');
    expect(await currentEmail(server, alice)).toBe(first.email);
  });
});
