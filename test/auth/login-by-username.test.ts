import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { user { email } } } }';
const logIn = (email: string, password: string, address = uniqueAddress()) =>
  server.query(login, { input: { email, password } }, { address });
const wrong = 'not the password at all';

/** A user with a username. */
async function userWithUsername(): Promise<TestUser & { username: string }> {
  const [person, username] = [await server.user(), `a${randomUUID().slice(0, 12)}`];
  await prisma.user.update({ where: { id: person.uuid }, data: { username, usernameKey: username } });
  return Object.assign(person, { username });
}

describe('login by username', () => {
  it('creates a session, ignoring case and Unicode width of the username', async () => {
    const { username, email, password } = await userWithUsername();
    for (const name of [username, username.toUpperCase(), `ａ${username.slice(1)}`])
      expect((await logIn(name, password)).data?.login, name).toEqual({ user: { email } });
  });

  it('rejects a username that is still unconfirmed or was given up', async () => {
    const [alice, bob] = [await userWithUsername(), await userWithUsername()];
    await prisma.user.update({ where: { id: alice.uuid }, data: { usernameKey: null } });
    await prisma.user.update({ where: { id: bob.uuid }, data: { usernameKey: `${bob.username}2` } });
    for (const { username, password } of [alice, bob]) expect((await logIn(username, password)).code).toBe('INVALID_CREDENTIALS');
  });

  it('returns the same error for unknown and invalid usernames as for a wrong password', async () => {
    const { username } = await userWithUsername();
    const { headers, ...known } = await logIn(username, wrong);
    for (const name of [`b${randomUUID().slice(0, 12)}`, 'admin', 'no such name']) {
      const answer = await logIn(name, wrong);
      expect({ ...answer, headers: [...answer.headers.keys()] }).toEqual({ ...known, headers: [...headers.keys()] });
    }
  });

  it('rate-limits known and unknown usernames alike, counting all spellings as one', async () => {
    const { username } = await userWithUsername();
    for (const name of [username, `b${randomUUID().slice(0, 12)}`]) {
      const [codes, address] = [[] as (string | undefined)[], uniqueAddress()];
      for (let index = 0; index < 6; index += 1) codes.push((await logIn(index % 2 ? name : name.toUpperCase(), wrong, address)).code);
      expect(codes).toEqual([...Array(5).fill('INVALID_CREDENTIALS'), 'RATE_LIMITED']);
    }
  });

  it('does not reveal by rate limits which email address belongs to a username', async () => {
    const [{ username, email }, address] = [await userWithUsername(), uniqueAddress()];
    for (let index = 0; index < 5; index += 1) await logIn(username, wrong, address);
    expect((await logIn(email, wrong, address)).code).toBe('INVALID_CREDENTIALS');
  });
});
