import { randomUUID } from 'node:crypto';
import argon2 from 'argon2';
import { describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/identity/credentials/password-hash.ts';
import { graphql } from '../generated/gql.ts';
import type { LoginInput } from '../generated/graphql.ts';
import { openHolder } from '../races/hold.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';

const server = await startTestServer({ REQUIRE_EMAIL_CONFIRMATION: 'true' });
const { prisma } = server.db;

const login = graphql(`
  mutation Login($input: LoginInput!) {
    login(input: $input) {
      ... on Session {
        accessToken
        refreshToken
        token {
          id
          current
          description
          createdFrom
        }
        user {
          email
          loginCount
          currentLoginFrom
          lastLoginFrom
        }
      }
    }
  }
`);
const meQuery = graphql(`query MeAfterLogin { me { id } }`);

const logIn = (input: LoginInput, how: { token?: string | undefined; address?: string } = {}) => server.query(login, { input }, how);
const wrong = 'not the password at all';
const credentialsOf = ({ email, password }: TestUser) => ({ email, password });
const setPassword = async ({ uuid }: TestUser, password: string) =>
  prisma.password.update({ where: { userId: uuid }, data: { hash: await hashPassword(password) } });
const liveSessions = ({ uuid }: TestUser) => prisma.token.findMany({ where: { userId: uuid, revokedAt: null }, orderBy: { id: 'asc' } });

describe('login', () => {
  it('creates a session for the user and labels it with the device', async () => {
    const alice = await server.user();
    const { data } = await logIn({ ...credentialsOf(alice), device: 'Telephone' });
    expect(data.login).toMatchObject({ user: { email: alice.email }, token: { current: true, description: 'Telephone' } });
    const me = await server.query(meQuery, {}, { token: data.login.accessToken });
    expect(me.data.me?.id).toBe(alice.id);
  });

  it('finds the account by any spelling of its email address', async () => {
    const alice = await server.user();
    const local = randomUUID();
    await prisma.user.update({ where: { id: alice.uuid }, data: { emailKey: `${local}@xn--bcher-kva.example` } });
    for (const email of [`${local}@bücher.example`, `${local.toUpperCase()}@BÜCHER.Example`, `${local}@xn--bcher-kva.example.`])
      expect((await logIn({ email, password: alice.password })).data?.login.user.email, email).toBe(alice.email);
  });

  it('compares the password exactly, apart from Unicode normalization', async () => {
    const alice = await server.user();
    const password = `  Gänsefüßchen ${'x'.repeat(72)} Ende `;
    await setPassword(alice, password);
    const others = [password.trim(), password.toUpperCase(), `${password} `, password.replace('Ende', 'ende')];
    for (const other of others) expect((await logIn({ email: alice.email, password: other })).code, other).toBe('INVALID_CREDENTIALS');
    for (const form of ['NFC', 'NFD'])
      expect((await logIn({ email: alice.email, password: password.normalize(form) })).code).toBeUndefined();
  });

  it('rejects input that is missing, empty or of the wrong type without an internal error', async () => {
    const inputs = [
      {},
      { email: 'a@b.example' },
      { email: 7, password: 'x' },
      { email: ['a'], password: 'x' },
      { email: 'a@b.example', password: null },
    ];
    for (const input of inputs) expect(await logIn(input as never)).toMatchObject({ status: 400, code: 'INVALID_INPUT' });
    for (const input of [
      { email: '', password: '' },
      { email: 'no address', password: ' ' },
      { email: 'a@b@c.example', password: 'x' },
    ])
      expect(await logIn(input)).toMatchObject({ status: 200, code: 'INVALID_CREDENTIALS' });
  });

  it('counts logins and reports the addresses of this and the previous login', async () => {
    const alice = await server.user();
    const address = uniqueAddress();
    const { data } = await logIn(credentialsOf(alice), { address });
    expect(data.login.user).toMatchObject({ loginCount: 2, currentLoginFrom: address, lastLoginFrom: alice.address });
    expect(data.login.token.createdFrom).toBe(address);
  });

  it('rehashes a password with weaker parameters, also during two concurrent logins', async () => {
    const alice = await server.user();
    const hash = await argon2.hash(alice.password, { memoryCost: 8_192, timeCost: 2, parallelism: 1 });
    await prisma.password.update({ where: { userId: alice.uuid }, data: { hash } });
    const answers = await Promise.all([logIn(credentialsOf(alice)), logIn(credentialsOf(alice))]);
    expect(answers.map((answer) => answer.code)).toEqual([undefined, undefined]);
    const renewed = await prisma.password.findUniqueOrThrow({ where: { userId: alice.uuid } });
    expect(renewed.hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect((await logIn(credentialsOf(alice))).code).toBeUndefined();
  });

  it.skipIf(isEmbedded)('does not bring back an old password that it rehashes when the password is changed meanwhile', async () => {
    const alice = await server.user();
    const hash = await argon2.hash(alice.password, { memoryCost: 8_192, timeCost: 2, parallelism: 1 });
    await prisma.password.update({ where: { userId: alice.uuid }, data: { hash } });
    const holder = await openHolder(server);
    const { code } = await holder.changeDuring(
      ['select from "Password" where "userId" = $1 for update', [alice.uuid]],
      () => logIn(credentialsOf(alice)),
      [`update "Password" set hash = 'another' where "userId" = $1`, [alice.uuid]],
    );
    await holder.close();
    expect(code).toBe('INVALID_CREDENTIALS');
    expect((await prisma.password.findUniqueOrThrow({ where: { userId: alice.uuid } })).hash).toBe('another');
  });

  it('records successful and failed attempts with the network', async () => {
    const alice = await server.user();
    const address = uniqueAddress();
    await logIn({ email: alice.email, password: wrong }, { address });
    await logIn({ email: 'unknown@example.com', password: wrong }, { address });
    const { data } = await logIn(credentialsOf(alice), { address });
    const events = await prisma.auditEvent.findMany({ where: { network: address }, orderBy: { id: 'asc' } });
    expect(events.map(({ action, result, reason, userId }) => ({ action, result, reason, userId }))).toEqual([
      { action: 'authn_login_fail', result: 'denied', reason: 'INVALID_CREDENTIALS', userId: alice.uuid },
      { action: 'authn_login_fail', result: 'denied', reason: 'INVALID_CREDENTIALS', userId: null },
      { action: 'authn_login_success', result: 'ok', reason: null, userId: alice.uuid },
    ]);
    expect(data.login.token.id).not.toBe(alice.tokenId);
  });
});

describe('login does not reveal whether an account exists', () => {
  it('returns the same error for every wrong password, whatever the state of the account', async () => {
    const [alice, disabled, unconfirmed, passwordless] = [
      await server.user(),
      await server.user(),
      await server.user(),
      await server.user(),
    ];
    await prisma.user.update({ where: { id: disabled.uuid }, data: { enabled: false } });
    await prisma.user.update({ where: { id: unconfirmed.uuid }, data: { emailConfirmedAt: null } });
    await prisma.password.delete({ where: { userId: passwordless.uuid } });
    const known = await logIn({ email: alice.email, password: wrong });
    expect(known).toMatchObject({ status: 200, data: null, code: 'INVALID_CREDENTIALS' });
    const emails = [disabled, unconfirmed, passwordless].map((user) => user.email);
    for (const email of [...emails, 'unknown@example.com', 'no address']) {
      const { headers, ...answer } = await logIn({ email, password: wrong });
      expect(answer, email).toEqual({ ...known, headers: undefined });
      expect([...headers.keys()]).toEqual([...known.headers.keys()]);
    }
    const entered = await logIn({ email: alice.email, password: wrong, domain: 'no-such-domain' });
    expect(entered.errors).toEqual(known.errors);
  });

  it('does the same work for an unknown address and for an account without a password', async () => {
    const [alice, passwordless] = [await server.user(), await server.user()];
    await prisma.password.delete({ where: { userId: passwordless.uuid } });
    const known = await work(() => logIn({ email: alice.email, password: wrong }));
    expect(await work(() => logIn({ email: 'unknown@example.com', password: wrong }))).toBeGreaterThan(known / 2);
    expect(await work(() => logIn({ email: passwordless.email, password: wrong }))).toBeGreaterThan(known / 2);
  });

  it('reports a disabled account only when the password is correct, and an unconfirmed one not at all, and creates no session', async () => {
    const [disabled, unconfirmed] = [await server.user(), await server.user()];
    await prisma.user.update({ where: { id: disabled.uuid }, data: { enabled: false } });
    await prisma.user.update({ where: { id: unconfirmed.uuid }, data: { emailConfirmedAt: null } });
    expect((await logIn(credentialsOf(disabled))).code).toBe('ACCOUNT_DISABLED');
    const { errors } = await logIn(credentialsOf(unconfirmed));
    expect(errors).toEqual((await logIn({ email: unconfirmed.email, password: wrong })).errors);
    expect([await liveSessions(disabled), await liveSessions(unconfirmed)].map((sessions) => sessions.length)).toEqual([1, 1]);
  });
});

/** The lowest CPU time of five runs, in microseconds: the minimum excludes interference from other work. */
async function work(send: () => Promise<unknown>) {
  let minimum = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round += 1) {
    const before = process.cpuUsage();
    await send();
    const { user, system } = process.cpuUsage(before);
    minimum = Math.min(minimum, user + system);
  }
  return minimum;
}
