import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { hooks } from '../../src/schema/auth/hooks.ts';
import { startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';

const server = await startTestServer();

const { onLogin } = hooks as { [name in keyof typeof hooks]: (typeof hooks)[name][number][] };
afterEach(() => {
  onLogin.length = 0;
});

const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';
const attempt = async (email: string, password: string) =>
  (await server.query(login, { input: { email, password } }, { address: uniqueAddress() })).code;
const logIn = ({ email, password }: TestUser) => attempt(email, password);
const guess = ({ email }: TestUser) => attempt(email, `guess ${randomUUID()}`);

/** The codes of guesses, each from another network. */
async function guesses(alice: TestUser, count: number) {
  const codes: (string | undefined)[] = [];
  for (let times = 0; times < count; times += 1) codes.push(await guess(alice));
  return codes;
}
const wrong = (count: number) => Array<string>(count).fill('INVALID_CREDENTIALS');

const letPass = (age: string) =>
  server.db.query(
    sql`update "RateLimit" set "expiresAt" = "expiresAt" - ${age}::interval, "blockedUntil" = "blockedUntil" - ${age}::interval`,
  );

describe('a login of the owner', { timeout: 60_000 }, () => {
  it('does not begin the 6 hours in which guesses from elsewhere are counted', async () => {
    const alice = await server.user();
    expect(await logIn(alice)).toBeUndefined();
    await letPass('3 h');
    await guess(alice);
    await letPass('4 h');
    expect(await guesses(alice, 20)).toEqual([...wrong(19), 'RATE_LIMITED']);
  });

  it('does not prolong these 6 hours', async () => {
    const alice = await server.user();
    expect(await guesses(alice, 20)).toEqual(wrong(20));
    await letPass('3 h');
    expect(await logIn(alice)).toBeUndefined();
    await letPass('4 h');
    expect(await guesses(alice, 3)).toEqual(wrong(3));
  });

  it('does not end a wait that guesses from elsewhere have begun during the login', async () => {
    const alice = await server.user();
    expect(await guesses(alice, 18)).toEqual(wrong(18));
    onLogin.push(async ({ db }) => {
      expect(await guess(alice)).toBe('INVALID_CREDENTIALS');
      await db.query(sql`update "RateLimit" set "blockedUntil" = "blockedUntil" + interval '10 min'`);
      return undefined;
    });
    expect(await logIn(alice)).toBeUndefined();
    expect(await guess(alice)).toBe('RATE_LIMITED');
  });
});
