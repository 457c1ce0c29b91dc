import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { createLogger } from '../../src/logger.ts';
import { startServer } from '../../src/server/start.ts';
import { graphql } from '../generated/gql.ts';
import { startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';

const server = await startTestServer();

const tryLogin = graphql(`
  mutation TryLogin($input: LoginInput!) {
    login(input: $input) {
      ... on Session {
        accessToken
      }
    }
  }
`);

const attempt = (email: string, password: string, how: { address?: string; headers?: Record<string, string> } = {}) =>
  server.query(tryLogin, { input: { email, password } }, how);
const guess = (email: string, how: { address?: string; headers?: Record<string, string> } = {}) =>
  attempt(email, `guess ${randomUUID()}`, how);
const succeed = ({ email, password }: TestUser, address = uniqueAddress()) => attempt(email, password, { address });

async function codes(count: number, send: (index: number) => Promise<{ code: string | undefined }>) {
  const found: (string | undefined)[] = [];
  for (let index = 0; index < count; index += 1) found.push((await send(index)).code);
  return found;
}

const wrong = (count: number) => Array<string>(count).fill('INVALID_CREDENTIALS');
const limited = (count: number) => Array<string>(count).fill('RATE_LIMITED');
/** How many passwords from a network were verified and found wrong. */
const checked = (address: string) =>
  server.db.prisma.auditEvent.count({ where: { network: address, action: 'authn_login_fail', reason: 'INVALID_CREDENTIALS' } });

describe('password guessing', () => {
  it('locks an account and network pair after 5 failures in 5 minutes, even with the right password on a known network', async () => {
    const alice = await server.user();
    const { address } = alice;
    expect(await codes(6, () => guess(alice.email, { address }))).toEqual([...wrong(5), ...limited(1)]);
    const answer = await succeed(alice, address);
    expect(answer).toMatchObject({ status: 429, data: null, code: 'RATE_LIMITED' });
    const wait = Number(answer.headers.get('retry-after'));
    expect([wait > 0, wait <= 300]).toEqual([true, true]);
    expect(server.log.some((line) => line.includes('excess_rate_limit_exceeded') && line.includes(address))).toBe(true);
  });

  it('verifies at most 5 of 30 concurrent guesses', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    const answers = await Promise.all(Array.from({ length: 30 }, () => guess(alice.email, { address })));
    expect(answers.map((answer) => answer.code).sort()).toEqual([...wrong(5), ...limited(25)]);
    expect(await checked(address)).toBe(5);
  });

  it('counts all spellings of an address as one account', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    const spellings = [alice.email, alice.email.toUpperCase(), `${alice.email}.`];
    expect(await codes(6, (index) => guess(String(spellings[index % 3]), { address }))).toEqual([...wrong(5), ...limited(1)]);
  });

  it('is limited alike for an account that does not exist', async () => {
    const [alice, here, there] = [await server.user(), uniqueAddress(), uniqueAddress()];
    for (let index = 0; index < 6; index += 1) {
      const known = await guess(alice.email, { address: here });
      const unknown = await guess('unknown@example.com', { address: there });
      expect({ ...unknown, headers: [...unknown.headers.keys()] }).toEqual({ ...known, headers: [...known.headers.keys()] });
    }
    expect(await codes(6, () => guess('no address', { address: uniqueAddress() }))).toEqual(wrong(6));
    expect(await codes(6, () => guess('no address', { address: here }))).toEqual([...wrong(5), ...limited(1)]);
  });

  it('locks a network after 100 failures in an hour over any number of accounts, also for those who log in there in between', async () => {
    const [alice, mallory, address] = [await server.user(), await server.user(), uniqueAddress()];
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(Array.from({ length: 10 }, () => guess(`${randomUUID()}@example.com`, { address })));
      if (round < 9) await succeed(mallory, address);
    }
    expect(await checked(address)).toBe(100);
    expect((await guess(`${randomUUID()}@example.com`, { address })).code).toBe('RATE_LIMITED');
    for (const user of [alice, mallory]) expect((await succeed(user, address)).code).toBe('RATE_LIMITED');
    expect((await succeed(alice)).code).toBeUndefined();
  });

  it('is allowed again when the period is over', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    await codes(6, () => guess(alice.email, { address }));
    await server.db.query(sql`update "RateLimit" set "expiresAt" = now() - interval '1 second'`);
    expect(await codes(6, () => guess(alice.email, { address }))).toEqual([...wrong(5), ...limited(1)]);
  });

  it('stays limited after a restart of the server', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    await codes(5, () => guess(alice.email, { address }));
    const restarted = await startServer(server.config, createLogger('silent'), server.db);
    const { email, password } = alice;
    const headers = { 'content-type': 'application/json', 'x-forwarded-for': address };
    const body = JSON.stringify({ query: String(tryLogin), variables: { input: { email, password } } });
    const response = await fetch(`${restarted.url}/graphql`, { method: 'POST', headers, body });
    await restarted.stop();
    expect(response.status).toBe(429);
  });

  it('stores no address in the table', async () => {
    const alice = await server.user();
    await guess(alice.email);
    const rows = await server.db.prisma.rateLimit.findMany();
    expect(JSON.stringify(rows.map((row) => row.key))).not.toContain(alice.email);
  });
});

describe('the owner of an account', () => {
  it('gets the failures of the network refunded by a successful login', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    for (let round = 0; round < 6; round += 1) {
      expect(await codes(3, () => guess(alice.email, { address }))).toEqual(wrong(3));
      expect((await succeed(alice, address)).code).toBeUndefined();
    }
    expect((await guess(alice.email, { address: uniqueAddress() })).code).toBe('INVALID_CREDENTIALS');
    expect(await codes(2, () => guess(alice.email))).toEqual(['INVALID_CREDENTIALS', 'RATE_LIMITED']);
  });

  it('can log in from another network while one network is locked', async () => {
    const [alice, address] = [await server.user(), uniqueAddress()];
    expect(await codes(30, () => guess(alice.email, { address }))).toEqual([...wrong(5), ...limited(25)]);
    expect((await succeed(alice)).code).toBeUndefined();
  });

  it('does not profit from a successful login to another account in the same network', async () => {
    const [alice, mallory, address] = [await server.user(), await server.user(), uniqueAddress()];
    await codes(5, () => guess(alice.email, { address }));
    expect((await succeed(mallory, address)).code).toBeUndefined();
    expect((await guess(alice.email, { address })).code).toBe('RATE_LIMITED');
  });

  it('can log in concurrently with many others behind one address', async () => {
    const address = uniqueAddress();
    const people = await Promise.all(Array.from({ length: 8 }, () => server.user()));
    for (let round = 0; round < 3; round += 1) {
      const answers = await Promise.all([...people, ...people].map((person) => succeed(person, address)));
      expect(answers.map((answer) => answer.code)).toEqual(Array(16).fill(undefined));
    }
  });
});

describe('registration', () => {
  it('is limited to 30 an hour for each network', async () => {
    const address = uniqueAddress();
    const document = 'mutation ($input: RegisterInput!) { register(input: $input) { confirmationRequired } }';
    const register = () => server.query(document, { input: { email: `${randomUUID()}@example.com`, password: 'too short' } }, { address });
    expect(await codes(31, register)).toEqual([...Array(30).fill('INVALID_INPUT'), 'RATE_LIMITED']);
  });
});
