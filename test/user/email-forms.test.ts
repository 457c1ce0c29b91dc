import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { runCommand } from '../cli/process.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;
const [alice, superadmin] = [await server.user(), await server.user('SUPERADMIN')];
const password = 'seven teal herons misread a map';

const register =
  'mutation ($email: String!, $password: String!) { register(input: { email: $email, password: $password }) { confirmationRequired } }';
const login = 'mutation ($email: String!, $password: String!) { login(input: { email: $email, password: $password }) { __typename } }';
const invite = 'mutation ($email: String!) { inviteUser(input: { email: $email, role: "USER" }) { invitation { email } } }';
const createUser = 'mutation ($email: String!) { createUser(input: { email: $email }) { user { email } } }';
const requestChange = 'mutation ($email: String!) { requestEmailChange(input: { newEmail: $email }) { ok } }';

describe('an email address whose local part is an encoded word', () => {
  const addresses = ['=?utf-8?q?ada?=@example.com', '=?UTF-8?B?YWRh?=@example.com', 'x=?utf-8?q?=61?=@example.com'];

  it.each(addresses)('is rejected by every mutation that takes a new address: %s', async (email) => {
    expect((await server.query(register, { email, password })).code).toBe('INVALID_INPUT');
    expect((await superadmin.query(invite, { email })).code).toBe('INVALID_INPUT');
    expect((await superadmin.query(createUser, { email })).code).toBe('INVALID_INPUT');
    expect((await alice.query(requestChange, { email })).code).toBe('INVALID_INPUT');
    expect((await server.query(login, { email, password })).code).toBe('INVALID_CREDENTIALS');
  });

  it('is rejected by the command that creates a superadmin', async () => {
    const { code, err } = await runCommand(
      ['scripts/admin.ts', 'create-superadmin', String(addresses[0])],
      { DATA_DIR: '/nonexistent' },
      `${password}\n`,
    );
    expect([code, err.includes('not a valid email address')]).toEqual([1, true]);
  }, 60_000);
});

describe('an email address with a dot at the end of its domain', () => {
  it('is the address without it, everywhere', async () => {
    const local = randomUUID();
    expect((await server.query(register, { email: `${local}@Example.com.`, password })).code).toBeUndefined();
    expect((await server.query(register, { email: `${local}@example.com`, password })).code).toBe('TAKEN');
    expect((await superadmin.query(createUser, { email: `${local}@example.com.` })).code).toBe('TAKEN');
    for (const email of [`${local}@example.com`, `${local}@example.com.`, `${local}@example.com\u3002`])
      expect((await server.query(login, { email, password })).code, email).toBeUndefined();
    expect(await prisma.user.findUniqueOrThrow({ where: { emailKey: `${local}@example.com` } })).toMatchObject({
      email: `${local}@Example.com`,
    });
  });

  it('is stored and sent to without the dot', async () => {
    const local = randomUUID();
    expect((await superadmin.query(createUser, { email: `${local}@example.com.` })).data.createUser.user.email).toBe(
      `${local}@example.com`,
    );
    expect((await superadmin.query(invite, { email: `i${local}@example.com.` })).data.inviteUser.invitation.email).toBe(
      `i${local}@example.com`,
    );
    expect((await alice.query(requestChange, { email: `c${local}@example.com.` })).code).toBeUndefined();
    const [queued] = await prisma.outboxEmail.findMany({ where: { template: 'emailChangeConfirmation' } });
    expect(queued?.address).toBe(`c${local}@example.com`);
  });
});
