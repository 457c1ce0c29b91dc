import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { emailTo } from '../mail/emails.ts';
import { type QueryResult, startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken user { email } } } }';
const reauthenticate = 'mutation ($password: String!) { reauthenticate(input: { password: $password }) { accessToken } }';

const attempt = (email: string, password: string, address = uniqueAddress()) =>
  server.query(login, { input: { email, password } }, { address });
const guess = (email: string, address?: string) => attempt(email, `guess ${randomUUID()}`, address);
const logIn = ({ email, password }: Pick<TestUser, 'email' | 'password'>, address?: string) => attempt(email, password, address);

/** Guesses, each from another network, five at once: more would wait for a hash longer than the server allows on a busy machine. */
async function guesses(email: string, count: number) {
  const codes: (string | undefined)[] = [];
  while (codes.length < count) codes.push(...(await Promise.all(Array.from({ length: 5 }, () => guess(email)))).map(({ code }) => code));
  return codes;
}
const verified = (codes: (string | undefined)[]) => codes.filter((code) => code === 'INVALID_CREDENTIALS').length;

/** What many guesses from other networks do to an account: one guess counts as 25, with a longer wait. */
async function attack(...names: string[]) {
  for (const name of names) expect((await guess(name)).code).toBe('INVALID_CREDENTIALS');
  await server.db.query(sql`
    update "RateLimit" set count = 25, "blockedUntil" = now() + interval '10 min' where key like 'passwordByAccount:%' and count > 0`);
}
const endWaits = () => server.db.query(sql`update "RateLimit" set "blockedUntil" = now() where "blockedUntil" is not null`);

/** The wait in seconds that began with the last guess. The window of 6 hours starts again at the same moment. */
async function waitOf(name: string) {
  const key = `passwordByAccount:${createHash('sha256').update(name).digest('base64url')}`;
  const { blockedUntil, expiresAt } = await prisma.rateLimit.findUniqueOrThrow({ where: { key } });
  return blockedUntil ? (blockedUntil.getTime() - expiresAt.getTime()) / 1_000 + 6 * 3_600 : undefined;
}

const retryAfter = ({ headers }: QueryResult<unknown>) => Number(headers.get('retry-after'));
const comparable = ({ headers, ...answer }: QueryResult<unknown>) => ({ ...answer, headers: [...headers.keys()] });
/** How many passwords for an account were verified and found wrong. */
const checked = ({ uuid }: TestUser) =>
  prisma.auditEvent.count({ where: { userId: uuid, action: 'authn_login_fail', reason: 'INVALID_CREDENTIALS' } });

async function withUsername() {
  const alice = await server.user();
  const username = `a${randomUUID().slice(0, 12)}`;
  await prisma.user.update({ where: { id: alice.uuid }, data: { username, usernameKey: username } });
  return { ...alice, username };
}

describe('password guesses from many networks', { timeout: 60_000 }, () => {
  it('are verified 20 times, and then after waits of 1, 2, 4 … seconds, up to 15 minutes', async () => {
    const alice = await server.user();
    expect(verified(await guesses(alice.email, 15))).toBe(15);
    expect(await waitOf(alice.email)).toBeUndefined();
    expect(verified(await guesses(alice.email, 5))).toBe(5);
    const waits = [await waitOf(alice.email)];
    for (let round = 0; round < 12; round += 1) {
      await endWaits();
      expect((await guess(alice.email)).code).toBe('INVALID_CREDENTIALS');
      waits.push(await waitOf(alice.email));
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    expect(await checked(alice)).toBe(32);
    const limited = await logIn(alice);
    expect(limited).toMatchObject({ status: 429, data: null, code: 'RATE_LIMITED' });
    expect([retryAfter(limited) > 600, retryAfter(limited) <= 900]).toEqual([true, true]);
  });

  it('are verified only once when many come at the end of a wait, on two nodes together', async () => {
    const alice = await server.user();
    await attack(alice.email);
    const other = await startServer(server.config, createLogger('silent'), server.db);
    await endWaits();
    const answers = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        if (index % 2) return (await guess(alice.email)).status;
        const headers = { 'content-type': 'application/json', 'x-forwarded-for': uniqueAddress() };
        const body = JSON.stringify({ query: login, variables: { input: { email: alice.email, password: 'guess' } } });
        return (await fetch(`${other.url}/graphql`, { method: 'POST', headers, body })).status;
      }),
    );
    await other.stop();
    expect(answers.filter((status) => status === 200)).toHaveLength(1);
    expect(await checked(alice)).toBe(2);
  });

  it('do not keep the owner out after the wait', async () => {
    const alice = await server.user();
    await attack(alice.email);
    expect((await logIn(alice)).code).toBe('RATE_LIMITED');
    await endWaits();
    expect((await logIn(alice)).data.login.user.email).toBe(alice.email);
  });

  it('by email address and by username have the same limits each, so that neither reveals the other', async () => {
    const alice = await withUsername();
    await attack(alice.email);
    expect((await logIn(alice)).code).toBe('RATE_LIMITED');
    expect(verified(await guesses(alice.username, 20))).toBe(20);
    expect(await waitOf(alice.username)).toBe(1);
  });

  it('over a WebSocket are limited together with those over HTTP', async () => {
    const alice = await server.user();
    await attack(alice.email);
    const variables = { input: { email: alice.email, password: alice.password } };
    for await (const { errors } of server.socket().iterate({ query: login, variables }))
      expect(errors?.[0]?.extensions?.code).toBe('RATE_LIMITED');
  });

  it('are forgotten when none is verified for 6 hours', async () => {
    const alice = await server.user();
    await attack(alice.email);
    await server.db.query(sql`
      update "RateLimit" set "expiresAt" = "expiresAt" - interval '6 h', "blockedUntil" = "blockedUntil" - interval '6 h'`);
    expect(verified(await guesses(alice.email, 5))).toBe(5);
  });
});

describe('a network from which the user has logged in', { timeout: 60_000 }, () => {
  it('accepts the correct password during an attack from elsewhere, by email address and by username', async () => {
    const [alice, home] = [await withUsername(), uniqueAddress()];
    expect((await logIn(alice, home)).code).toBeUndefined();
    await attack(alice.email, alice.username);
    for (const name of [alice.email, alice.username]) {
      for (let times = 0; times < 6; times += 1)
        expect((await attempt(name, alice.password, home)).data.login.user.email).toBe(alice.email);
      expect((await attempt(name, alice.password)).code).toBe('RATE_LIMITED');
    }
  });

  it('answers a wrong password during an attack like any other network, and like an account that does not exist', async () => {
    const [alice, unknown] = [await server.user(), `${randomUUID()}@example.com`];
    const [elsewhere, missing] = [uniqueAddress(), uniqueAddress()];
    await attack(alice.email, unknown);
    for (let times = 0; times < 7; times += 1) {
      const known = await guess(alice.email, alice.address);
      expect(known).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
      for (const other of [await guess(alice.email, elsewhere), await guess(unknown, missing)]) {
        expect(comparable(other)).toEqual(comparable(known));
        expect(Math.abs(retryAfter(other) - retryAfter(known))).toBeLessThan(20); // the same limit, later
      }
    }
    const counts = async (network: string) =>
      prisma.auditEvent.groupBy({ by: ['reason'], where: { network, action: 'authn_login_fail' }, _count: true });
    // The narrower limit of 5 attempts in 5 minutes applies as well.
    expect(await counts(alice.address)).toEqual([{ reason: 'INVALID_CREDENTIALS', _count: 5 }]);
    expect(await counts(elsewhere)).toEqual([{ reason: 'RATE_LIMITED', _count: 5 }]);
    expect(await counts(missing)).toEqual([{ reason: 'RATE_LIMITED', _count: 5 }]);
  });

  it('counts towards the limit of the account like any other network', async () => {
    const alice = await server.user();
    for (let times = 0; times < 5; times += 1) await guess(alice.email, alice.address);
    expect(verified(await guesses(alice.email, 15))).toBe(15);
    expect(await waitOf(alice.email)).toBe(1);
  });

  it('is one where the last login was less than 30 days ago', async () => {
    const alice = await server.user();
    await attack(alice.email);
    const setAge = (age: string) =>
      server.db.query(sql`update "Token" set "createdAt" = now() - ${age}::interval where "userId" = ${alice.uuid}::uuid`);
    await setAge('31 days');
    expect((await logIn(alice, alice.address)).code).toBe('RATE_LIMITED');
    await setAge('29 days');
    expect((await logIn(alice, alice.address)).code).toBeUndefined();
  });

  it('is not one from which only others have logged in', async () => {
    const [alice, mallory] = [await server.user(), await server.user()];
    await attack(alice.email);
    expect((await logIn(alice, mallory.address)).code).toBe('RATE_LIMITED');
  });
});

describe('the wait of an account', { timeout: 60_000 }, () => {
  const isLocked = async (alice: Pick<TestUser, 'email' | 'password'>, address?: string) =>
    (await logIn(alice, address)).code === 'RATE_LIMITED';

  it('is not ended by a password reset, from whose network the new password works during it', async () => {
    const [alice, address, newPassword] = [await server.user(), uniqueAddress(), 'nine amber foxes fold a paper crane'];
    for (let times = 0; times < 5; times += 1) await guess(alice.email, address);
    await attack(alice.email);
    await server.query('mutation ($email: String!) { requestPasswordReset(input: { email: $email }) { ok } }', { email: alice.email });
    const { token } = await emailTo(server, alice.uuid, 'passwordReset');
    const reset = 'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }';
    expect((await server.query(reset, { input: { token, newPassword } }, { address })).data.resetPassword.ok).toBe(true);
    expect((await attempt(alice.email, newPassword)).code).toBe('RATE_LIMITED');
    expect((await attempt(alice.email, newPassword, address)).code).toBeUndefined();
    await server.db.query(sql`delete from "Token" where "userId" = ${alice.uuid}::uuid`);
    await server.db.query(sql`update "EmailLink" set "usedAt" = now() - interval '31 days' where "userId" = ${alice.uuid}::uuid`);
    expect((await attempt(alice.email, newPassword, address)).code).toBe('RATE_LIMITED');
  });

  it('is not ended by reauthentication in a session, from whose network the password works during it', async () => {
    const [alice, moved] = [await withUsername(), uniqueAddress()];
    for (let times = 0; times < 6; times += 1) await guess(alice.email, moved);
    await attack(alice.email, alice.username);
    const token = String(alice.accessToken);
    expect((await server.query(reauthenticate, { password: alice.password }, { token, address: moved })).code).toBeUndefined();
    for (const email of [alice.email, alice.username]) {
      expect(await isLocked({ ...alice, email })).toBe(true);
      expect(await isLocked({ ...alice, email }, moved)).toBe(false);
    }
  });

  it('is not ended by a confirmation with the password, from whose network the password works during it', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    await attack(alice.email);
    await prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: null } });
    await server.query('mutation ($email: String!) { resendConfirmation(input: { email: $email }) { ok } }', { email: alice.email });
    const { token } = await emailTo(server, alice.uuid, 'emailConfirmation');
    const confirm = 'mutation ($input: ConfirmEmailInput!) { confirmEmail(input: $input) { passwordKept } }';
    const input = { token, password: alice.password };
    expect((await server.query(confirm, { input }, { address })).code).toBeUndefined();
    expect([await isLocked(alice), await isLocked(alice, address)]).toEqual([true, false]);
  });

  it('is not ended by a login, which only takes back its own attempt', async () => {
    const alice = await server.user();
    await attack(alice.email);
    expect((await logIn(alice, alice.address)).code).toBeUndefined();
    expect(await isLocked(alice)).toBe(true);
    await endWaits();
    expect((await logIn(alice)).code).toBeUndefined();
    expect((await guess(alice.email)).code).toBe('INVALID_CREDENTIALS');
    expect(await prisma.rateLimit.count({ where: { key: { startsWith: 'passwordByAccount:' }, count: 26 } })).toBe(1);
  });
});

describe('the password checks of a session', { timeout: 60_000 }, () => {
  it('are limited to 5 in 15 minutes for each session, and do not affect login or other sessions', async () => {
    const alice = await server.user();
    const other = await server.newSession(alice);
    for (let times = 0; times < 5; times += 1)
      expect((await alice.query(reauthenticate, { password: 'guess' })).code).toBe('INVALID_CREDENTIALS');
    const limited = await alice.query(reauthenticate, { password: alice.password });
    expect(limited).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect([retryAfter(limited) > 600, retryAfter(limited) <= 900]).toEqual([true, true]);
    const change =
      'mutation ($p: String!) { changePassword(input: { currentPassword: $p, newPassword: "seven teal herons read" }) { ended } }';
    const remove = 'mutation ($p: String!) { deleteAccount(input: { password: $p }) { ok } }';
    for (const document of [change, remove]) expect((await alice.query(document, { p: alice.password })).code).toBe('RATE_LIMITED');
    expect((await logIn(alice, alice.address)).code).toBeUndefined();
    expect((await other.query(reauthenticate, { password: alice.password })).code).toBeUndefined();
  });

  it('verify at most 5 of 12 concurrent guesses, from any number of networks', async () => {
    const alice = await server.user();
    const send = () => server.query(reauthenticate, { password: 'guess' }, { token: String(alice.accessToken) });
    const answers = await Promise.all(Array.from({ length: 12 }, send));
    expect(answers.filter(({ code }) => code === 'INVALID_CREDENTIALS')).toHaveLength(5);
    expect(await checked(alice)).toBe(5);
  });
});
