import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { outcomes } from '../mail/emails.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer({ REQUIRE_EMAIL_CONFIRMATION: 'true' });

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
    expect((await server.query(login, { input: { email, password } })).code).toBe('EMAIL_NOT_CONFIRMED');
    expect(await server.db.prisma.token.count({ where: { user: { emailKey: email } } })).toBe(0);
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

  it('emails the owner of a taken address at most 3 times an hour without changing the response', async () => {
    const alice = await server.user();
    const answers = [];
    for (let times = 0; times < 5; times += 1)
      answers.push((await server.query(register, { input: { email: alice.email, password } })).data);
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
