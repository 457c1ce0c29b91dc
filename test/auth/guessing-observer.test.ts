import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { emailTo } from '../mail/emails.ts';
import { type QueryResult, startTestServer, type TestUser } from '../test-server.ts';

const server = await startTestServer();
const login = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
const newPassword = 'nine amber foxes fold a paper crane';

/** A guess of an attacker, from another network each time. */
const guess = (email: string) => server.query(login, { input: { email, password: `guess ${randomUUID()}` } });

async function linkTo(alice: TestUser, mutation: string, template: string) {
  await server.query(`mutation ($email: String!) { ${mutation}(input: { email: $email }) { ok } }`, { email: alice.email });
  return (await emailTo(server, alice.uuid, template)).token;
}

/** What the owner of an account can do with the password or a link, from any network. */
const acts: Record<string, (alice: TestUser) => Promise<QueryResult<unknown>>> = {
  login: ({ email, password, address }) => server.query(login, { input: { email, password } }, { address }),
  reauthenticate: (alice) =>
    alice.query('mutation ($password: String!) { reauthenticate(input: { password: $password }) { accessToken } }', alice),
  changePassword: (alice) =>
    alice.query('mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { ended } }', {
      input: { currentPassword: alice.password, newPassword },
    }),
  deleteAccount: (alice) => alice.query('mutation ($password: String!) { deleteAccount(input: { password: $password }) { ok } }', alice),
  resetPassword: async (alice) =>
    server.query('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { ok } }', {
      input: { token: await linkTo(alice, 'requestPasswordReset', 'passwordReset'), newPassword },
    }),
  'confirmEmail with the password': async (alice) => {
    await server.db.prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: null } });
    return server.query('mutation ($input: ConfirmEmailInput!) { confirmEmail(input: $input) { passwordKept } }', {
      input: { token: await linkTo(alice, 'resendConfirmation', 'emailConfirmation'), password: alice.password },
    });
  },
};

/** The code of a response, and whether its wait is what is left of 10 minutes. */
function seen({ code, headers }: QueryResult<unknown>) {
  const seconds = Number(headers.get('retry-after'));
  return [code, seconds > 500 && seconds <= 600];
}

describe('an attacker who guesses at an account and at a free address', { timeout: 60_000 }, () => {
  for (const [name, act] of Object.entries(acts)) {
    it(`gets the same responses for both before and after the owner calls ${name} during a wait`, async () => {
      const [alice, free] = [await server.user(), `${randomUUID()}@example.com`];
      for (const email of [alice.email, free]) await guess(email);
      await server.db.query(sql`
        update "RateLimit" set count = 30, "blockedUntil" = now() + interval '10 min' where key like 'passwordByAccount:%' and count > 0`);
      for (const email of [alice.email, free]) expect(seen(await guess(email))).toEqual(['RATE_LIMITED', true]);
      expect((await act(alice)).code).toBeUndefined();
      for (const email of [alice.email, free]) expect(seen(await guess(email))).toEqual(['RATE_LIMITED', true]);
    });

    it(`has as many guesses left at both after the owner has called ${name}`, async () => {
      const [alice, free] = [await server.user(), `${randomUUID()}@example.com`];
      for (const email of [alice.email, free]) await guess(email);
      await server.db.query(sql`update "RateLimit" set count = 18 where key like 'passwordByAccount:%' and count = 1`);
      expect((await act(alice)).code).toBeUndefined();
      for (const email of [alice.email, free]) {
        const codes: (string | undefined)[] = [];
        for (let times = 0; times < 2; times += 1) codes.push((await guess(email)).code);
        expect(codes).toEqual(['INVALID_CREDENTIALS', 'INVALID_CREDENTIALS']);
        await server.db.query(sql`
          update "RateLimit" set "blockedUntil" = "blockedUntil" + interval '60 s' where "blockedUntil" is not null and count = 20`);
        expect((await guess(email)).code).toBe('RATE_LIMITED');
      }
    });
  }
});
