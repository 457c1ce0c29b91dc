import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { runAs } from '../../src/database/workload.ts';
import { hashPassword } from '../../src/identity/credentials/password-hash.ts';
import { emailTo } from '../mail/emails.ts';
import { type QueryResult, startTestServer, type TestUser, uniqueAddress } from '../test-server.ts';
import { newEmail, requestChange } from './email-change.ts';

const server = await startTestServer();
const { prisma } = server.db;

/** Computes hashes for a party without pause, more than may wait, so that its own requests get no hash. */
async function whileQueueIsFull(party: string, run: () => Promise<void>) {
  let isOver = false;
  const flood = Array.from({ length: 200 }, async () => {
    while (!isOver) {
      await runAs({ class: 'authentication', kind: 'flood', party }, () => hashPassword('guess')).catch(() => {});
      await sleep(20);
    }
  });
  await run();
  isOver = true;
  await Promise.all(flood);
}

type Send = () => Promise<QueryResult<unknown>>;

/** Every operation that verifies a password, with a wrong one, and `register`, which hashes one. The party is the user, or the network. */
const operations: Record<string, (alice: TestUser, address: string) => Promise<{ party: string; limit: string; send: Send }>> = {
  login: async ({ email }, address) => ({
    party: address,
    limit: 'passwordByAccountAndNetwork',
    send: () => query('login', '__typename', { email, password: 'guess' }, { address }),
  }),
  reauthenticate: async (alice) => ofSession(alice, 'reauthenticate', 'accessToken', { password: 'guess' }),
  changePassword: async (alice) => ofSession(alice, 'changePassword', 'ended', { currentPassword: 'guess', newPassword: 'guess' }),
  deleteAccount: async (alice) => ofSession(alice, 'deleteAccount', 'ok', { password: 'guess' }),
  confirmEmail: async (alice, address) => {
    await prisma.user.update({ where: { id: alice.uuid }, data: { emailConfirmedAt: null } });
    await server.query('mutation ($email: String!) { resendConfirmation(input: { email: $email }) { ok } }', alice);
    const { token } = await emailTo(server, alice.uuid, 'emailConfirmation');
    const send = () => query('confirmEmail', 'passwordKept', { token, password: 'guess' }, { address });
    return { party: address, limit: 'passwordByProof', send };
  },
  confirmEmailChange: async (alice, address) => {
    const { token } = await requestChange(server, alice);
    const send = () => query('confirmEmailChange', 'ended', { token, password: 'guess' }, { address });
    return { party: address, limit: 'passwordByProof', send };
  },
  register: async (_, address) => ({
    party: address,
    limit: 'registerByNetwork',
    send: () => query('register', 'confirmationRequired', { email: newEmail(), password: `long ${randomUUID()}` }, { address }),
  }),
};

const ofSession = (alice: TestUser, name: string, fields: string, input: object) => ({
  party: alice.uuid,
  limit: 'passwordByProof',
  send: () => query(name, fields, input, { address: uniqueAddress(), token: alice.accessToken }),
});

function query(name: string, fields: string, input: object, caller: { address: string; token?: string | undefined }) {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  return server.query(`mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} } }`, { input }, caller);
}

/** How many attempts of a limit are counted. */
const counted = async (limit: string) =>
  (await prisma.rateLimit.aggregate({ where: { key: { startsWith: `${limit}:` } }, _sum: { count: true } }))._sum.count ?? 0;

describe('an attempt whose password is not verified because too many hashes are waiting', () => {
  for (const [name, prepare] of Object.entries(operations))
    it(`does not count: ${name}`, { timeout: 60_000 }, async () => {
      const { party, limit, send } = await prepare(await server.user(), uniqueAddress());
      const before = await counted(limit);
      const codes: (string | undefined)[] = [];
      await whileQueueIsFull(party, async () => {
        for (let times = 0; times < 30 && codes.filter((code) => code === 'UNAVAILABLE').length < 2; times += 1)
          codes.push((await send()).code);
      });
      const undecided = codes.filter((code) => code === 'UNAVAILABLE').length;
      expect(undecided).toBe(2);
      expect((await counted(limit)) - before).toBe(Math.min(5, codes.length - undecided));
    });
});
