import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { emailTo } from '../mail/emails.ts';
import { startTestServer, uniqueAddress, waitUntil } from '../test-server.ts';

const server = await startTestServer({ REQUIRE_EMAIL_CONFIRMATION: 'true' });
const { prisma } = server.db;

const register = 'mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }';
const confirm = 'mutation ($input: ConfirmEmailInput!) { confirmEmail(input: $input) { passwordKept } }';
const resend = 'mutation ($input: ResendConfirmationInput!) { resendConfirmation(input: $input) { ok } }';
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';
const password = 'seven teal herons misread a map';

/** A registered user who has not confirmed the address, with the confirmation email. */
async function registerUser() {
  const email = `${randomUUID()}@example.com`;
  await server.query(register, { input: { email, password } });
  const { id } = await prisma.user.findUniqueOrThrow({ where: { emailKey: email } });
  return { email, id, mail: await emailTo(server, id, 'emailConfirmation') };
}

const confirmedAt = async (id: string) => (await prisma.user.findUniqueOrThrow({ where: { id } })).emailConfirmedAt;

describe('confirmEmail', () => {
  it('confirms the address with the link, after which the user can log in', async () => {
    const { email, id, mail } = await registerUser();
    expect((await server.query(login, { input: { email, password } })).code).toBe('INVALID_CREDENTIALS');
    const { data } = await server.query(confirm, { input: { token: mail.token, password } });
    expect(data.confirmEmail).toEqual({ passwordKept: true });
    expect(await confirmedAt(id)).not.toBeNull();
    expect((await server.query(login, { input: { email, password } })).code).toBeUndefined();
  });

  it('confirms the address with the email and code, ignoring case', async () => {
    const { email, mail } = await registerUser();
    const input = { email: email.toUpperCase(), code: mail.code, password };
    expect((await server.query(confirm, { input })).data.confirmEmail).toEqual({ passwordKept: true });
  });

  it('rate-limits guesses at links to 100 an hour for each network', async () => {
    const address = uniqueAddress();
    const guess = (from: string) => server.query(confirm, { input: { token: `fgl_${'A'.repeat(43)}` } }, { address: from });
    for (let times = 0; times < 100; times += 1) expect((await guess(address)).code).toBe('INVALID_TOKEN');
    expect((await guess(address)).code).toBe('RATE_LIMITED');
    expect((await guess(uniqueAddress())).code).toBe('INVALID_TOKEN');
  });

  it('assigns the username requested at registration', async () => {
    const [email, username] = [`${randomUUID()}@example.com`, `a${randomUUID().slice(0, 12)}`];
    await server.query(register, { input: { email, password, username } });
    const { id } = await prisma.user.findUniqueOrThrow({ where: { emailKey: email } });
    await server.query(confirm, { input: { token: (await emailTo(server, id, 'emailConfirmation')).token, password } });
    expect((await server.query(login, { input: { email: username, password } })).code).toBeUndefined();
  });

  it('creates no session, and rejects the link when it is used again', async () => {
    const { id, mail } = await registerUser();
    const input = { token: mail.token, password };
    expect(JSON.stringify((await server.query(confirm, { input })).data)).not.toMatch(/fgr?_|eyJ/);
    expect(await prisma.token.count({ where: { userId: id } })).toBe(0);
    expect((await server.query(confirm, { input })).code).toBe('INVALID_TOKEN');
  });

  it('removes the password when it is not given, so that an attacker who registered the address cannot log in', async () => {
    const { email, id, mail } = await registerUser();
    expect((await server.query(confirm, { input: { token: mail.token } })).data.confirmEmail).toEqual({ passwordKept: false });
    expect(await confirmedAt(id)).not.toBeNull();
    expect((await server.query(login, { input: { email, password } })).code).toBe('INVALID_CREDENTIALS');
  });

  it('changes nothing when the password is wrong, and keeps the link valid', async () => {
    const { id, mail } = await registerUser();
    expect((await server.query(confirm, { input: { token: mail.token, password: 'a guess' } })).code).toBe('INVALID_CREDENTIALS');
    expect(await confirmedAt(id)).toBeNull();
    expect((await server.query(confirm, { input: { token: mail.token, password } })).code).toBeUndefined();
  });

  it('accepts the code after wrong ones from other networks, and the link after wrong codes from the same one', async () => {
    const [byCode, byLink, address] = [await registerUser(), await registerUser(), uniqueAddress()];
    for (const { email } of [byCode, byLink]) {
      const codes = [];
      for (let times = 0; times < 6; times += 1)
        codes.push((await server.query(confirm, { input: { email, code: 'abcdefgh', password } }, { address })).code);
      expect(codes).toEqual([...Array(5).fill('INVALID_TOKEN'), 'RATE_LIMITED']);
    }
    const { email, mail } = byCode;
    expect((await server.query(confirm, { input: { email, code: mail.code, password } })).code).toBeUndefined();
    expect((await server.query(confirm, { input: { token: byLink.mail.token, password } }, { address })).code).toBeUndefined();
  });

  it('accepts the code of an email after a later one was requested, and none of another account', async () => {
    const [first, other] = [await registerUser(), await registerUser()];
    await server.query(resend, { input: { email: first.email } });
    await emailTo(server, first.id, 'emailConfirmation', 2);
    const enter = async (code: string) => (await server.query(confirm, { input: { email: first.email, code, password } })).code;
    expect([await enter(other.mail.code), await enter(first.mail.code)]).toEqual(['INVALID_TOKEN', undefined]);
  });

  it('invalidates the other confirmation links of the account', async () => {
    const { email, id, mail } = await registerUser();
    await server.query(resend, { input: { email } });
    const newest = await waitUntil(async () => {
      const sent = await emailTo(server, id, 'emailConfirmation');
      return sent.token === mail.token ? undefined : sent;
    });
    await server.query(confirm, { input: { token: mail.token, password } });
    expect((await server.query(confirm, { input: { token: newest.token, password } })).code).toBe('INVALID_TOKEN');
  });

  it('rejects a link that is expired, unknown, for another purpose or for a former address', async () => {
    const [late, moved, reset] = [await registerUser(), await registerUser(), await registerUser()];
    await prisma.emailLink.updateMany({ where: { userId: late.id }, data: { expiresAt: new Date(Date.now() - 1_000) } });
    await prisma.user.update({ where: { id: moved.id }, data: { emailKey: `${randomUUID()}@example.com` } });
    await prisma.emailLink.updateMany({ where: { userId: reset.id }, data: { purpose: 'RESET_PASSWORD' } });
    for (const token of [late, moved, reset].map(({ mail }) => mail.token).concat(`fgl_${'A'.repeat(43)}`, 'nonsense'))
      expect((await server.query(confirm, { input: { token, password } })).code).toBe('INVALID_TOKEN');
    expect(await confirmedAt(moved.id)).toBeNull();
  });

  it('succeeds once when 10 requests use the link concurrently', async () => {
    const { mail } = await registerUser();
    const answers = await Promise.all(Array.from({ length: 10 }, () => server.query(confirm, { input: { token: mail.token } })));
    expect(answers.filter(({ code }) => code === undefined)).toHaveLength(1);
  });

  it('requires either a token or an email and a code, and rejects both together', async () => {
    for (const input of [{}, { email: 'a@example.com' }, { code: '12345678' }, { token: 'x', email: 'a@example.com', code: '1' }])
      expect(await server.query(confirm, { input })).toMatchObject({
        code: 'INVALID_INPUT',
        errors: [{ extensions: { fields: { token: expect.any(Array) } } }],
      });
  });

  it('records an audit event for the owner', async () => {
    const { id, mail } = await registerUser();
    await server.query(confirm, { input: { token: mail.token, password } });
    expect(await prisma.auditEvent.count({ where: { userId: id, reason: 'email confirmed', targetId: id } })).toBe(1);
  });
});

describe('confirmEmail, when a session exists before the confirmation', () => {
  it('revokes sessions when the password is not given, but keeps them when called from a session of the account', async () => {
    const createUnconfirmed = async () => {
      const alice = await server.user();
      await prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: null } });
      await server.query(resend, { input: { email: alice.email } });
      return { alice, token: (await emailTo(server, alice.uuid, 'emailConfirmation')).token };
    };
    const [own, foreign] = [await createUnconfirmed(), await createUnconfirmed()];
    expect((await own.alice.query(confirm, { input: { token: own.token } })).data.confirmEmail).toEqual({ passwordKept: true });
    expect((await own.alice.query('{ me { id } }')).data.me.id).toBe(own.alice.id);
    expect((await server.query(confirm, { input: { token: foreign.token } })).data.confirmEmail).toEqual({ passwordKept: false });
    expect((await foreign.alice.query('{ me { id } }')).code).toBe('TOKEN_REVOKED');
    expect(await prisma.tokenRevocation.findMany({ where: { userId: foreign.alice.uuid }, select: { reason: true } })).toEqual([
      { reason: 'EMAIL_CONFIRMED' },
    ]);
  });
});
