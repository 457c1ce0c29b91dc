import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { anonymous, startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';

const server = await startTestServer();
await server.domain('north');

const unlock = 'mutation ($id: ID!) { unlockUser(input: { id: $id }) { changed user { id } } }';
const login = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
const logIn = async (email: string, password: string) =>
  (await server.query(login, { input: { email, password } }, { address: uniqueAddress() })).code;

/** Makes the account wait for 10 minutes after a wrong password. */
async function lock({ email }: TestUser) {
  expect(await logIn(email, `guess ${randomUUID()}`)).toBe('INVALID_CREDENTIALS');
  await server.db.query(sql`
    update "RateLimit" set count = 25, "blockedUntil" = now() + interval '10 min' where key like 'passwordByAccount:%' and count > 0`);
}

describe('unlockUser', () => {
  it('lets the owner of an account log in without waiting', async () => {
    const [alice, superadmin] = [await server.user(), await server.user('SUPERADMIN')];
    await lock(alice);
    expect(await logIn(alice.email, alice.password)).toBe('RATE_LIMITED');
    expect((await superadmin.query(unlock, { id: alice.id })).data.unlockUser).toEqual({ changed: true, user: { id: alice.id } });
    expect(await logIn(alice.email, alice.password)).toBeUndefined();
  });

  it('returns changed: false for an account without failures', async () => {
    const [alice, superadmin] = [await server.user(), await server.user('SUPERADMIN')];
    expect((await superadmin.query(unlock, { id: alice.id })).data.unlockUser.changed).toBe(false);
  });

  it('requires a higher rank', async () => {
    const [alice, peer, domainAdmin] = [await server.user('ADMIN'), await server.user('ADMIN'), await server.user('ADMIN', 'north')];
    await lock(alice);
    for (const caller of [peer, alice, domainAdmin]) expect((await caller.query(unlock, { id: alice.id })).code).toBe('FORBIDDEN');
    expect((await anonymous(server).query(unlock, { id: alice.id })).code).toBe('UNAUTHENTICATED');
    expect(await logIn(alice.email, alice.password)).toBe('RATE_LIMITED');
  });
});
