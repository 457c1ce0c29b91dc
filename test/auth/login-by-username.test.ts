import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newAddress, open, type Person } from '../test-server.ts';

const world = await open();
const { prisma } = world.db;

const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { user { email } } } }';
const enter = (email: string, password: string, address = newAddress()) => world.send(login, { input: { email, password } }, { address });
const wrong = 'not the password at all';

/** Somebody with a username. */
async function named(): Promise<Person & { username: string }> {
  const [person, username] = [await world.user(), `a${randomUUID().slice(0, 12)}`];
  await prisma.user.update({ where: { id: person.uuid }, data: { username, usernameKey: username } });
  return Object.assign(person, { username });
}

describe('login by username', () => {
  it('opens a session, by any spelling of the name', async () => {
    const { username, email, password } = await named();
    for (const name of [username, username.toUpperCase(), `ａ${username.slice(1)}`])
      expect((await enter(name, password)).data?.login, name).toEqual({ user: { email } });
  });

  it('knows no name that is only wished for, and none that somebody had before', async () => {
    const [alice, bob] = [await named(), await named()];
    await prisma.user.update({ where: { id: alice.uuid }, data: { usernameKey: null } });
    await prisma.user.update({ where: { id: bob.uuid }, data: { usernameKey: `${bob.username}2` } });
    for (const { username, password } of [alice, bob]) expect((await enter(username, password)).code).toBe('INVALID_CREDENTIALS');
  });

  it('answers a name that nobody has, and one that none can have, like a wrong password', async () => {
    const { username } = await named();
    const { headers, ...known } = await enter(username, wrong);
    for (const name of [`b${randomUUID().slice(0, 12)}`, 'admin', 'no such name']) {
      const answer = await enter(name, wrong);
      expect({ ...answer, headers: [...answer.headers.keys()] }).toEqual({ ...known, headers: [...headers.keys()] });
    }
  });

  it('is counted alike for a name that nobody has, in all spellings as one', async () => {
    const { username } = await named();
    for (const name of [username, `b${randomUUID().slice(0, 12)}`]) {
      const [codes, address] = [[] as (string | undefined)[], newAddress()];
      for (let index = 0; index < 6; index += 1) codes.push((await enter(index % 2 ? name : name.toUpperCase(), wrong, address)).code);
      expect(codes).toEqual([...Array(5).fill('INVALID_CREDENTIALS'), 'RATE_LIMITED']);
    }
  });

  it('does not tell by what is counted whose address belongs to a name', async () => {
    const [{ username, email }, address] = [await named(), newAddress()];
    for (let index = 0; index < 5; index += 1) await enter(username, wrong, address);
    expect((await enter(email, wrong, address)).code).toBe('INVALID_CREDENTIALS');
  });
});
