import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { runAs } from '../../src/database/workload.ts';
import { hashPassword } from '../../src/identity/credentials/password-hash.ts';
import { startTestServer, uniqueAddress } from '../test-server.ts';

const server = await startTestServer();
const cores = availableParallelism();
const login = 'mutation ($email: String!, $password: String!) { login(input: { email: $email, password: $password }) { __typename } }';
const refresh = 'mutation ($refreshToken: String!) { refresh(input: { refreshToken: $refreshToken }) { accessToken } }';

/** Computes hashes for a network without pause, many more than may wait: over HTTP, its rate limit would end the flood. */
async function whileFlooding(network: string, run: () => Promise<void>) {
  const codes = new Set<unknown>();
  let isOver = false;
  const flood = Array.from({ length: 200 }, async () => {
    while (!isOver) {
      await runAs({ class: 'authentication', kind: 'Mutation.login', party: network }, () => hashPassword('guess')).then(
        () => codes.add(undefined),
        (error) => codes.add(error.extensions.code),
      );
      await sleep(100); // 2,000 attempts in a second
    }
  });
  await sleep(50); // the queue is full
  await run();
  isOver = true;
  await Promise.all(flood);
  expect(codes).toEqual(new Set([undefined, 'UNAVAILABLE']));
}

it('a flood of logins from one network does not keep other networks from logging in', async () => {
  const users = [await server.user(), await server.user()];
  await whileFlooding(uniqueAddress(), async () => {
    for (const { email, password } of users) expect((await server.query(login, { email, password })).code).toBeUndefined();
    for (const user of users) {
      expect((await user.query('{ me { email } }')).code).toBeUndefined();
      expect((await server.query(refresh, { refreshToken: user.refreshToken })).code).toBeUndefined();
      expect((await user.query('mutation { logout { ended } }')).code).toBeUndefined();
    }
  });
}, 60_000);

it('rejects the surplus of a flood at once, and computes the hashes of other networks before those of the flood', async () => {
  const order: string[] = [];
  const attempt = (party: string) =>
    runAs({ class: 'authentication', kind: 'Mutation.login', party }, () => hashPassword('guess')).then(
      () => order.push(`${party} hashed`),
      () => order.push(`${party} refused`),
    );
  const flood = Array.from({ length: 200 }, () => attempt('flood'));
  const others = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(attempt);
  await Promise.all([...flood, ...others]);
  expect(new Set(order.slice(0, 200 - 64 - cores))).toEqual(new Set(['flood refused']));
  const hashed = order.filter((result) => result.endsWith('hashed'));
  const first = hashed.slice(0, 2 * cores + others.length); // some were computed already, and some end at the same time
  expect(first).toEqual(expect.arrayContaining(['192.0.2.1 hashed', '192.0.2.2 hashed', '192.0.2.3 hashed']));
});

it('rejects attempts above a rate limit before they wait for a hash, for known and unknown accounts alike', async () => {
  const { email } = await server.user();
  const address = uniqueAddress();
  const attempt = async (account: string) => (await server.query(login, { email: account, password: 'wrong' }, { address })).code;
  const unknown = `x${email}`;
  for (let times = 0; times < 12; times += 1) for (const account of [email, unknown]) await attempt(account);
  await whileFlooding(address, async () => {
    for (const account of [email, unknown]) expect(await attempt(account)).toBe('RATE_LIMITED');
  });
}, 60_000);
