import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { emailTo, invitationEmailTo } from '../mail/emails.ts';
import { type QueryResult, startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';
import { currentEmail, newEmail, requestChange } from './email-change.ts';

const server = await startTestServer();
const { prisma } = server.db;
const request = 'mutation ($email: String!) { requestPasswordReset(input: { email: $email }) { ok } }';
const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
const newPassword = 'nine amber foxes fold a paper crane';

/** A user who has requested a reset, with the code. */
async function withResetCode(): Promise<TestUser & { readonly code: string }> {
  const alice = await server.user();
  await server.query(request, { email: alice.email });
  return { ...alice, code: (await emailTo(server, alice.uuid, 'passwordReset')).code };
}

const enter = (email: string, code: string, address = uniqueAddress(), password = newPassword) =>
  server.query(reset, { input: { email, code, newPassword: password } }, { address });
const guess = (email: string, address?: string) => enter(email, 'abcdefgh', address);

async function codes(count: number, send: () => Promise<{ code: string | undefined }>) {
  const found: (string | undefined)[] = [];
  for (let times = 0; times < count; times += 1) found.push((await send()).code);
  return found;
}
const wrong = (count: number) => Array<string>(count).fill('INVALID_TOKEN');

/** What many guesses from other networks do to an address: one guess counts as 30, with a longer wait. */
async function attack(email: string) {
  expect((await guess(email)).code).toBe('INVALID_TOKEN');
  await server.db.query(sql`
    update "RateLimit" set count = 30, "blockedUntil" = now() + interval '20 min' where key like 'codeByAddress:%' and count > 0`);
}
const retryAfter = ({ headers }: QueryResult<unknown>) => Number(headers.get('retry-after'));
const comparable = ({ headers, ...answer }: QueryResult<unknown>) => ({ ...answer, headers: [...headers.keys()] });

describe('the code of an email', () => {
  it.each([
    ['blanks', (code: string) => ` ${code.slice(0, 4)} ${code.slice(4)} `],
    ['a no-break space', (code: string) => `${code.slice(0, 4)}\u00a0${code.slice(4)}`],
    ['a dash', (code: string) => `${code.slice(0, 4)}-${code.slice(4)}`],
    ['an en dash', (code: string) => `${code.slice(0, 4)}\u2013${code.slice(4)}`],
    ['full-width digits', (code: string) => code.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)))],
  ])('is accepted with %s', async (_, write) => {
    const alice = await withResetCode();
    expect((await enter(alice.email, write(alice.code))).data?.resetPassword.ok).toBe(true);
  });

  it('is rejected with another digit, whatever separates them', async () => {
    const alice = await withResetCode();
    expect((await enter(alice.email, `${alice.code.slice(0, 4)}-${alice.code.slice(4)}0`)).code).toBe('INVALID_TOKEN');
    expect((await enter(alice.email, alice.code.slice(0, 7))).code).toBe('INVALID_TOKEN');
  });
});

describe('guesses at the code of an email', () => {
  it('are limited to 5 in 15 minutes for a network and do not keep others from using the code', async () => {
    const [alice, attacker] = [await withResetCode(), uniqueAddress()];
    expect(await codes(7, () => guess(alice.email, attacker))).toEqual([...wrong(5), 'RATE_LIMITED', 'RATE_LIMITED']);
    expect(await codes(5, () => guess(alice.email))).toEqual(wrong(5));
    expect((await enter(alice.email, alice.code, attacker)).code).toBe('RATE_LIMITED');
    expect((await enter(alice.email, alice.code)).data.resetPassword.ok).toBe(true);
  });

  it('verify at most 5 of 12 concurrent guesses from a network', async () => {
    const [alice, attacker] = [await withResetCode(), uniqueAddress()];
    const answers = await Promise.all(Array.from({ length: 12 }, () => guess(alice.email, attacker)));
    expect(answers.filter(({ code }) => code === 'INVALID_TOKEN')).toHaveLength(5);
  });

  it('from many networks have to wait after 20, for at most 30 minutes, after which the code still works', async () => {
    const alice = await withResetCode();
    expect(await codes(20, () => guess(alice.email))).toEqual(wrong(20));
    expect((await guess(alice.email)).code).toBe('RATE_LIMITED');
    await server.db.query(sql`update "RateLimit" set count = 40, "blockedUntil" = now() where key like 'codeByAddress:%'`);
    expect((await guess(alice.email)).code).toBe('INVALID_TOKEN');
    const limited = await enter(alice.email, alice.code);
    expect(limited).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect([retryAfter(limited) > 1_700, retryAfter(limited) <= 1_800]).toEqual([true, true]);
    await server.db.query(sql`update "RateLimit" set "blockedUntil" = now() where key like 'codeByAddress:%'`);
    expect((await enter(alice.email, alice.code)).data.resetPassword.ok).toBe(true);
  });

  it('from elsewhere do not keep the owner from using the code on a network of an earlier login', async () => {
    const alice = await withResetCode();
    await attack(alice.email);
    expect((await enter(alice.email, alice.code)).code).toBe('RATE_LIMITED');
    expect((await enter(alice.email, alice.code, alice.address)).data.resetPassword.ok).toBe(true);
  });

  it('get the same response during a wait on a known network, on others, and for an address without an account', async () => {
    const [alice, unknown] = [await withResetCode(), `${randomUUID()}@example.com`];
    await attack(alice.email);
    await attack(unknown);
    const known = await guess(alice.email, alice.address);
    expect(known).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    for (const other of [await guess(alice.email), await guess(unknown)]) {
      expect(comparable(other)).toEqual(comparable(known));
      expect(Math.abs(retryAfter(other) - retryAfter(known))).toBeLessThan(20);
    }
  });

  it('are never compared more than 100 times for one email, whose link still works', async () => {
    const alice = await withResetCode();
    await prisma.emailLink.updateMany({ where: { userId: alice.uuid }, data: { attempts: 99 } });
    expect((await guess(alice.email)).code).toBe('INVALID_TOKEN');
    expect((await enter(alice.email, alice.code)).code).toBe('INVALID_TOKEN');
    const { token } = await emailTo(server, alice.uuid, 'passwordReset');
    expect((await server.query(reset, { input: { token, newPassword } })).data.resetPassword.ok).toBe(true);
  });

  it('are compared with the codes of the 10 newest emails, so that a later email does not replace the code', async () => {
    const alice = await withResetCode();
    for (let count = 2; count <= 10; count += 1) await server.query(request, { email: alice.email });
    await emailTo(server, alice.uuid, 'passwordReset', 10);
    expect((await enter(alice.email, alice.code, uniqueAddress(), 'short')).code).toBe('INVALID_INPUT');
    await server.query(request, { email: alice.email });
    await emailTo(server, alice.uuid, 'passwordReset', 11);
    expect((await enter(alice.email, alice.code)).code).toBe('INVALID_TOKEN');
  });

  it.each([
    ['used', { usedAt: new Date() }],
    ['expired', { expiresAt: new Date(0) }],
  ])('are compared with the code of an email before 10 others whose links are %s', async (_, end) => {
    const alice = await withResetCode();
    const link = { purpose: 'RESET_PASSWORD', userId: alice.uuid, email: alice.email, emailKey: alice.email } as const;
    for (let count = 0; count < 10; count += 1)
      await prisma.emailLink.create({
        data: { ...link, id: randomUUID(), hash: randomBytes(32), expiresAt: new Date(Date.now() + 60_000), ...end },
      });
    expect((await enter(alice.email, alice.code)).data.resetPassword.ok).toBe(true);
  });

  it('are compared with the codes of all users who change to the address', async () => {
    const [alice, mallory, email] = [await server.user(), await server.user(), newEmail()];
    const { code } = await requestChange(server, alice, email);
    await requestChange(server, mallory, email);
    const change = 'mutation ($input: ConfirmEmailChangeInput!) { confirmEmailChange(input: $input) { ended } }';
    expect((await alice.query(change, { input: { email, code } })).code).toBeUndefined();
    expect(await currentEmail(server, alice)).toBe(email);
  });

  it('do not count if the code is right, so that a rejected password can be corrected any number of times', async () => {
    const [alice, home] = [await withResetCode(), uniqueAddress()];
    expect(await codes(8, () => enter(alice.email, alice.code, home, 'short'))).toEqual(Array(8).fill('INVALID_INPUT'));
    expect((await enter(alice.email, alice.code, home)).data.resetPassword.ok).toBe(true);
  });

  it('do not keep an invited person from accepting by code', async () => {
    const [admin, email, attacker] = [await server.user('SUPERADMIN'), `${randomUUID()}@example.com`, uniqueAddress()];
    await admin.query('mutation ($email: String!) { inviteUser(input: { email: $email, role: "USER" }) { invitation { id } } }', { email });
    const { code } = await invitationEmailTo(server, email);
    const accept = 'mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { made } }';
    const tryCode = (entered: string, address: string) =>
      server.query(accept, { input: { email, code: entered, password: newPassword } }, { address });
    expect(await codes(6, () => tryCode('abcdefgh', attacker))).toEqual([...wrong(5), 'RATE_LIMITED']);
    expect((await tryCode(code, uniqueAddress())).data.acceptInvitation.made).toBe(true);
  });
});
