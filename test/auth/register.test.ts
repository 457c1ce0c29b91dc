import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { profileEntries } from '../../src/schema/user/profile-fields.ts';
import { graphql } from '../generated/gql.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

const register = graphql(`
  mutation Register($input: RegisterInput!) {
    register(input: $input) {
      confirmationRequired
      session {
        accessToken
        refreshToken
        token {
          description
        }
        user {
          email
          username
          displayName
          emailConfirmedAt
          enabled
          roles {
            role {
              name
            }
            domain {
              name
            }
          }
        }
      }
    }
  }
`);
const meQuery = graphql(`query MeAfterRegister { me { email } }`);

const password = 'seven teal herons misread a map';
const newEmail = () => `${randomUUID()}@example.com`;
const countOf = (emailKey: string) => prisma.user.count({ where: { emailKey } });

describe('register', () => {
  it('creates an account and its first session', async () => {
    const email = newEmail();
    const { data } = await server.query(register, { input: { email, password, displayName: 'Alice', device: 'Laptop' } });
    expect(data.register).toMatchObject({
      confirmationRequired: false,
      session: { token: { description: 'Laptop' }, user: { email, displayName: 'Alice', emailConfirmedAt: null, enabled: true } },
    });
    const me = await server.query(meQuery, {}, { token: data.register.session?.accessToken });
    expect(me.data.me?.email).toBe(email);
  });

  it('grants the default role once', async () => {
    const { data } = await server.query(register, { input: { email: newEmail(), password } });
    expect(data.register.session?.user.roles).toEqual([{ role: { name: 'USER' }, domain: null }]);
  });

  it('accepts profile fields only, no roles, state or confirmation', async () => {
    const { data } = await server.query(`{ __type(name: "RegisterInput") { inputFields { name } } }`);
    const names = data.__type.inputFields.map((field: { name: string }) => field.name).sort();
    const profile = profileEntries.flatMap(([name, { inputs = [] }]) => (inputs.includes('register') ? [name] : []));
    expect(profile).toEqual(expect.arrayContaining(['displayName', 'firstName', 'lastName', 'locale']));
    expect(names).toEqual(['device', 'email', 'password', 'username', ...profile].sort());
    const input = { email: newEmail(), password, roles: ['ADMIN'] };
    expect(await server.query(register, { input } as never)).toMatchObject({ status: 400, code: 'INVALID_INPUT' });
    expect(await countOf(input.email)).toBe(0);
  });

  it('rejects a taken address, ignoring case, without repeating it in the error', async () => {
    const email = newEmail();
    await server.query(register, { input: { email, password } });
    const again = await server.query(register, { input: { email: email.toUpperCase(), password } });
    expect(again).toMatchObject({
      data: null,
      code: 'TAKEN',
      errors: [{ extensions: { fields: { email: ['must not be in use already'] } } }],
    });
    expect(JSON.stringify(again.errors)).not.toMatch(/@example|emailKey|constraint|prisma/i);
  });

  it('creates one account when 50 concurrent requests use different spellings of one address', async () => {
    const name = `b${newEmail().slice(0, 8)}`;
    const spellings = ['@bücher.example', '@BÜCHER.example', '@xn--bcher-kva.example', '@Bücher.EXAMPLE.'].flatMap((domain) => [
      name + domain,
      name.toUpperCase() + domain,
    ]);
    const emails = Array.from({ length: 50 }, (_, index) => spellings[index % spellings.length] ?? '');
    const answers = await Promise.all(emails.map((email) => server.query(register, { input: { email, password } })));
    expect(answers.filter(({ code }) => code === undefined)).toHaveLength(1);
    // UNAVAILABLE: the queue for password hashing is full.
    for (const { code } of answers) expect([undefined, 'TAKEN', 'UNAVAILABLE']).toContain(code);
    expect(await countOf(`${name}@xn--bcher-kva.example`)).toBe(1);
  });

  it('creates one account when 3 concurrent requests use the same address', async () => {
    const email = newEmail();
    const answers = await Promise.all([1, 2, 3].map(() => server.query(register, { input: { email, password } })));
    expect(answers.map((answer) => answer.code).sort()).toEqual(['TAKEN', 'TAKEN', undefined]);
    expect(await countOf(email)).toBe(1);
  });

  it('accepts a username unless it is invalid or taken', async () => {
    const username = `a${randomUUID().slice(0, 12)}`;
    const send = (name: string | null, email = newEmail()) => server.query(register, { input: { email, password, username: name } });
    expect((await send(username)).data.register.session?.user.username).toBe(username);
    expect(await send(username.toUpperCase())).toMatchObject({
      code: 'TAKEN',
      errors: [{ extensions: { fields: { username: ['must not be in use already'] } } }],
    });
    expect((await send('admin')).errors?.[0]?.extensions).toMatchObject({
      code: 'INVALID_INPUT',
      fields: { username: [expect.any(String)] },
    });
    for (const none of [null, '']) expect((await send(none)).data.register.session?.user.username).toBeNull();
  });

  it('stores the password only as an argon2id hash with its own salt', async () => {
    const emails = [newEmail(), newEmail()];
    for (const email of emails) await server.query(register, { input: { email, password } });
    const hashes = (await prisma.password.findMany({ where: { user: { emailKey: { in: emails } } } })).map((row) => row.hash);
    for (const hash of hashes) expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(new Set(hashes).size).toBe(2);
  });

  it('revokes the session that sent the request', async () => {
    const alice = await server.user();
    await server.query(register, { input: { email: newEmail(), password } }, { token: alice.accessToken });
    expect(await alice.query(meQuery)).toMatchObject({ status: 401, code: 'TOKEN_REVOKED' });
  });

  it('records an audit event, also for an attempt on a taken address, for its owner', async () => {
    const email = newEmail();
    for (const _ of [1, 2]) await server.query(register, { input: { email, password } });
    const { id: userId } = await prisma.user.findUniqueOrThrow({ where: { emailKey: email } });
    const events = await prisma.auditEvent.findMany({ where: { userId } }); // in no order: two can have the same timestamp
    expect(events.map(({ action, result, reason }) => `${action} ${result} ${reason}`).sort()).toEqual([
      'authn_login_success ok null',
      'user_created denied TAKEN',
      'user_created ok null',
    ]);
  });
});

describe('register: validation', () => {
  it('reports faults of address and password together and creates nothing', async () => {
    const { code, errors } = await server.query(register, { input: { email: 'alice@localhost', password: 'trustno1' } });
    expect(code).toBe('INVALID_INPUT');
    expect(errors?.[0]?.extensions.fields).toEqual({
      email: ['must be a valid email address'],
      password: ['must have at least 15 characters', expect.stringContaining('known from breaches')],
    });
  });

  it('reports a weak password even if the address is taken', async () => {
    const email = newEmail();
    await server.query(register, { input: { email, password } });
    const { errors } = await server.query(register, { input: { email, password: 'too short' } });
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', fields: { password: [expect.any(String)] } });
  });

  it('measures a password in code points after normalization', async () => {
    const [fox, composed, decomposed] = ['🦊🐻🦉🐸🐢🦄🐙🐝🦋🐌🐞🦀🐬🐳', 'é'.repeat(14), 'e\u0301'.repeat(14)];
    for (const short of [fox, composed, decomposed])
      expect((await server.query(register, { input: { email: newEmail(), password: short } })).code).toBe('INVALID_INPUT');
    const fine = await server.query(register, { input: { email: newEmail(), password: `${fox}🐉` } });
    expect(fine.code).toBeUndefined();
  });

  it('rejects a password that is too long before hashing it', async () => {
    const before = process.cpuUsage();
    for (const length of [257, 2_000]) {
      const { errors } = await server.query(register, { input: { email: newEmail(), password: 'ü7'.repeat(length).slice(0, length) } });
      expect(errors?.[0]?.extensions, String(length)).toMatchObject({ code: 'INVALID_INPUT' });
    }
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
  });

  it('rejects confusable and malformed addresses', async () => {
    const emails = [
      'a b@example.com',
      'a@b@example.com',
      '"a"@example.com',
      'a@[10.0.0.1]',
      'ａ@example.com',
      'a\u200b@example.com',
      ' a@example.com',
    ];
    for (const email of emails) expect((await server.query(register, { input: { email, password } })).code, email).toBe('INVALID_INPUT');
  });

  it('rejects display names that contain invisible characters or are too long', async () => {
    for (const displayName of ['a\u202eb', 'a\nb', 'x'.repeat(121)]) {
      const email = newEmail();
      expect((await server.query(register, { input: { email, password, displayName } })).code).toBe('INVALID_INPUT');
      expect(await countOf(email)).toBe(0);
    }
  });
});
