import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { emailTo, outcomes } from '../mail/emails.ts';
import { startTestServer, uniqueAddress } from '../test-server.ts';

const server = await startTestServer({ REQUIRE_EMAIL_CONFIRMATION: 'true' });

const { prisma } = server.db;

const register = `mutation ($input: RegisterInput!) {
  register(input: $input) { confirmationRequired session { accessToken refreshToken token { id } } }
}`;
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';
const password = 'seven teal herons misread a map';

describe('register, when email confirmation is required', () => {
  it('creates no session, and login is rejected until the address is confirmed', async () => {
    const email = `${randomUUID()}@example.com`;
    const { data } = await server.query(register, { input: { email, password } });
    expect(data.register).toEqual({ confirmationRequired: true, session: null });
    expect((await server.query(login, { input: { email, password } })).code).toBe('INVALID_CREDENTIALS');
    expect(await server.db.prisma.token.count({ where: { user: { emailKey: email } } })).toBe(0);
  });

  it('does not show by a login afterwards whether the address was free', async () => {
    const [free, alice] = [`${randomUUID()}@example.com`, await server.user()];
    const left: unknown[] = [];
    for (const email of [free, alice.email]) {
      const address = uniqueAddress();
      await prisma.rateLimit.deleteMany();
      await server.query(register, { input: { email, password } }, { address });
      const answers = [];
      for (const input of [
        { email, password },
        { email: email.toUpperCase(), password },
        { email, password, domain: 'no-such-domain' },
      ]) {
        const { headers, ...answer } = await server.query(login, { input }, { address });
        answers.push({ ...answer, headers: [...headers.keys()] });
      }
      expect(answers[0]).toMatchObject({ status: 200, data: null, code: 'INVALID_CREDENTIALS' });
      expect(answers[0]?.errors?.[0]?.message).toMatch(/password.* not confirmed.*confirmation email/);
      const events = await prisma.auditEvent.count({ where: { network: address, action: 'authn_login_fail', result: 'denied' } });
      // Those for the taken address have no recipient.
      const emails = await prisma.outboxEmail.count({ where: { emailKey: { in: [email, ''] }, template: 'emailConfirmation' } });
      const limits = await prisma.rateLimit.findMany({ where: { key: { startsWith: 'passwordBy' } } });
      left.push({ answers, events, emails, limits: limits.map(({ key, count }) => [key.replace(/:.*/, ''), count]).toSorted() });
    }
    expect(left[0]).toMatchObject({
      events: 3,
      emails: 3,
      limits: [
        ['passwordByAccount', 3],
        ['passwordByAccountAndNetwork', 3],
        ['passwordByNetwork', 3],
      ],
    });
    expect(left[1]).toEqual(left[0]);
  });

  it('shows neither a disabled nor a deleted account by a login before its address is confirmed', async () => {
    for (const data of [{ enabled: false }, { deletedAt: new Date() }]) {
      const email = `${randomUUID()}@example.com`;
      await server.query(register, { input: { email, password } });
      await prisma.user.update({ where: { emailKey: email }, data });
      expect((await server.query(login, { input: { email, password } })).code).toBe('INVALID_CREDENTIALS');
    }
  });

  it('sends the confirmation again after a login with the right password, at most 3 times an hour for a network, and records the reason', async () => {
    const [email, address] = [`${randomUUID()}@example.com`, uniqueAddress()];
    await server.query(register, { input: { email, password } });
    for (let times = 0; times < 2; times += 1) await server.query(login, { input: { email, password: 'a wrong one' } });
    for (let times = 0; times < 4; times += 1) await server.query(login, { input: { email, password } }, { address });
    expect(await outcomes(server, 'emailConfirmation', { emailKey: email })).toEqual(['previewed', 'previewed', 'previewed']);
    const { id } = await prisma.user.findUniqueOrThrow({ where: { emailKey: email } });
    const events = await prisma.auditEvent.findMany({ where: { userId: id, action: 'authn_login_fail' }, orderBy: { id: 'asc' } });
    expect(events.map(({ reason }) => reason)).toEqual([...Array(2).fill('INVALID_CREDENTIALS'), ...Array(4).fill('EMAIL_NOT_CONFIRMED')]);
    const { token } = await emailTo(server, id, 'emailConfirmation', 4);
    const confirm = 'mutation ($input: ConfirmEmailInput!) { confirmEmail(input: $input) { passwordKept } }';
    expect((await server.query(confirm, { input: { token, password } })).data.confirmEmail.passwordKept).toBe(true);
    expect((await server.query(login, { input: { email, password } })).code).toBeUndefined();
  });

  it('responds to a taken address as to a new one and leaves the existing account unchanged', async () => {
    const alice = await server.user();
    const fresh = await server.query(register, { input: { email: `${randomUUID()}@example.com`, password } });
    const taken = await server.query(register, { input: { email: alice.email.toUpperCase(), password } });
    expect({ ...taken, headers: [...taken.headers.keys()] }).toEqual({ ...fresh, headers: [...fresh.headers.keys()] });
    expect((await server.query(login, { input: { email: alice.email, password } })).code).toBe('INVALID_CREDENTIALS');
    expect((await server.query(login, { input: { email: alice.email, password: alice.password } })).code).toBeUndefined();
  });

  it('reserves no username before confirmation, so that a taken one reveals nothing about the address', async () => {
    const [alice, username] = [await server.user(), `a${randomUUID().slice(0, 12)}`];
    const emails = [`${randomUUID()}@example.com`, `${randomUUID()}@example.com`, alice.email];
    for (const email of emails)
      expect((await server.query(register, { input: { email, password, username } })).data.register.confirmationRequired).toBe(true);
    const change = 'mutation ($username: String) { changeUsername(input: { username: $username }) { user { username } } }';
    expect((await alice.query(change, { username })).data.changeUsername.user).toEqual({ username });
    expect((await server.query(register, { input: { email: `${randomUUID()}@example.com`, password, username } })).code).toBeUndefined();
    expect((await server.query(login, { input: { email: username, password } })).code).toBe('INVALID_CREDENTIALS');
  });

  it('emails the owner of a taken address at most 3 times an hour for a network without changing the response', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    const answers = [];
    for (let times = 0; times < 5; times += 1)
      answers.push((await server.query(register, { input: { email: alice.email, password } }, { address })).data);
    expect(new Set(answers.map((data) => JSON.stringify(data))).size).toBe(1);
    expect(await outcomes(server, 'alreadyRegistered', { emailKey: alice.email })).toEqual(['previewed', 'previewed', 'previewed']);
  });

  it('reports a weak password alike for taken and new addresses', async () => {
    const alice = await server.user();
    const fresh = await server.query(register, { input: { email: `${randomUUID()}@example.com`, password: 'weak' } });
    const taken = await server.query(register, { input: { email: alice.email, password: 'weak' } });
    expect(taken.errors).toEqual(fresh.errors);
    expect(taken.code).toBe('INVALID_INPUT');
  });

  it('keeps the session that sent the request', async () => {
    const alice = await server.user();
    await alice.query(register, { input: { email: `${randomUUID()}@example.com`, password } });
    expect((await alice.query('{ me { id } }')).data.me.id).toBe(alice.id);
  });
});
