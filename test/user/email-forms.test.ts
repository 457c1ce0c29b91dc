import { randomUUID } from 'node:crypto';
import { createTransport } from 'nodemailer';
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

describe('an email address whose domain is not spelled as the mail server reads it', () => {
  const addresses = {
    'a percent-encoded letter': 'ada@exa%6dple.com',
    'a percent-encoded dot': 'ada@example%2ecom',
    'full-width letters': 'ada@ｅｘａｍｐｌｅ.com',
    'a full-width dot': 'ada@example．com',
    'a halfwidth ideographic full stop': 'ada@example｡com',
    'a soft hyphen': 'ada@exam\u00ADple.com',
    'a zero-width joiner': 'ada@exam\u200Dple.com',
    'a variation selector': 'ada@exam\uFE0Fple.com',
    'a combining grapheme joiner': 'ada@exam\u034Fple.com',
    'a long s': 'ada@ſample.com',
    'an IP address in hexadecimal': 'ada@0x7f.1',
    'a comment': 'ada@example.com(comment)',
    'a comment in the local part': 'ada(comment)@example.com',
    'a quoted local part': '"ada"@example.com',
  };

  it.each(Object.entries(addresses))('is rejected by every mutation that takes a new address: %s', async (_, email) => {
    expect((await server.query(register, { email, password })).code).toBe('INVALID_INPUT');
    expect((await superadmin.query(invite, { email })).code).toBe('INVALID_INPUT');
    expect((await superadmin.query(createUser, { email })).code).toBe('INVALID_INPUT');
    expect((await alice.query(requestChange, { email })).code).toBe('INVALID_INPUT');
  });
});

describe('an internationalized email address', () => {
  it.each([
    ['bücher.example', 'bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.Example', 'BÜCHER.Example', 'xn--bcher-kva.example'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['bücher\u3002example\u3002', 'bücher.example', 'xn--bcher-kva.example'],
    ['straße.example', 'straße.example', 'xn--strae-oqa.example'],
  ])('with the domain %s is stored with %s and delivered to %s', async (entered, stored, delivered) => {
    const local = randomUUID();
    const { data } = await superadmin.query(createUser, { email: `${local}@${entered}` });
    expect(data.createUser.user.email).toBe(`${local}@${stored}`);
    const user = await prisma.user.findFirstOrThrow({ where: { email: `${local}@${stored}` } });
    expect(user.emailKey).toBe(`${local}@${delivered}`);
    const { envelope } = await createTransport({ jsonTransport: true }).sendMail({ to: user.email, from: 'id@example.com' });
    expect(envelope.to).toEqual([user.emailKey]);
  });
});
