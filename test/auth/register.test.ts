import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { graphql } from '../generated/gql.ts';
import { open } from '../test-server.ts';

const world = await open();
const { prisma } = world.db;

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
const whoRegistered = graphql(`query WhoRegistered { me { email } }`);

const password = 'seven teal herons misread a map';
const newEmail = () => `${randomUUID()}@example.com`;
const countOf = (emailKey: string) => prisma.user.count({ where: { emailKey } });

describe('register', () => {
  it('makes an account and its first session', async () => {
    const email = newEmail();
    const { data } = await world.send(register, { input: { email, password, displayName: 'Alice', device: 'Laptop' } });
    expect(data.register).toMatchObject({
      confirmationRequired: false,
      session: { token: { description: 'Laptop' }, user: { email, displayName: 'Alice', emailConfirmedAt: null, enabled: true } },
    });
    const me = await world.send(whoRegistered, {}, { token: data.register.session?.accessToken });
    expect(me.data.me?.email).toBe(email);
  });

  it('grants the default role, once', async () => {
    const { data } = await world.send(register, { input: { email: newEmail(), password } });
    expect(data.register.session?.user.roles).toEqual([{ role: { name: 'USER' }, domain: null }]);
  });

  it('takes nothing but a profile: no role, state or confirmation', async () => {
    const { data } = await world.send(`{ __type(name: "RegisterInput") { inputFields { name } } }`);
    const names = data.__type.inputFields.map((field: { name: string }) => field.name).sort();
    expect(names).toEqual(['device', 'displayName', 'email', 'firstName', 'lastName', 'locale', 'password', 'username']);
    const input = { email: newEmail(), password, roles: ['ADMIN'] };
    expect(await world.send(register, { input } as never)).toMatchObject({ status: 400, code: 'INVALID_INPUT' });
    expect(await countOf(input.email)).toBe(0);
  });

  it('refuses an address that is taken, in whatever letters, and repeats nothing of it', async () => {
    const email = newEmail();
    await world.send(register, { input: { email, password } });
    const again = await world.send(register, { input: { email: email.toUpperCase(), password } });
    expect(again).toMatchObject({ data: null, code: 'TAKEN', errors: [{ extensions: { fields: { email: ['taken'] } } }] });
    expect(JSON.stringify(again.errors)).not.toMatch(/@example|emailKey|constraint|prisma/i);
  });

  it('makes one account of 50 that ask at once for one address in different spellings', async () => {
    const name = `b${newEmail().slice(0, 8)}`;
    const spellings = ['@bücher.example', '@BÜCHER.example', '@xn--bcher-kva.example', '@Bücher.EXAMPLE.'].flatMap((domain) => [
      name + domain,
      name.toUpperCase() + domain,
    ]);
    const asked = Array.from({ length: 50 }, (_, index) => spellings[index % spellings.length] ?? '');
    const answers = await Promise.all(asked.map((email) => world.send(register, { input: { email, password } })));
    expect(answers.filter(({ code }) => code === undefined)).toHaveLength(1);
    // Whoever would wait too long for a place to hash the password is told so instead.
    for (const { code } of answers) expect([undefined, 'TAKEN', 'UNAVAILABLE']).toContain(code);
    expect(await countOf(`${name}@xn--bcher-kva.example`)).toBe(1);
  });

  it('makes one account of two that ask for one address at once', async () => {
    const email = newEmail();
    const answers = await Promise.all([1, 2, 3].map(() => world.send(register, { input: { email, password } })));
    expect(answers.map((answer) => answer.code).sort()).toEqual(['TAKEN', 'TAKEN', undefined]);
    expect(await countOf(email)).toBe(1);
  });

  it('takes a username, unless it is no name or somebody has it', async () => {
    const username = `a${randomUUID().slice(0, 12)}`;
    const ask = (name: string | null, email = newEmail()) => world.send(register, { input: { email, password, username: name } });
    expect((await ask(username)).data.register.session?.user.username).toBe(username);
    expect(await ask(username.toUpperCase())).toMatchObject({
      code: 'TAKEN',
      errors: [{ extensions: { fields: { username: ['taken'] } } }],
    });
    expect((await ask('admin')).errors?.[0]?.extensions).toMatchObject({
      code: 'INVALID_INPUT',
      fields: { username: [expect.any(String)] },
    });
    for (const none of [null, '']) expect((await ask(none)).data.register.session?.user.username).toBeNull();
  });

  it('keeps the password only as an argon2id hash of its own', async () => {
    const emails = [newEmail(), newEmail()];
    for (const email of emails) await world.send(register, { input: { email, password } });
    const hashes = (await prisma.password.findMany({ where: { user: { emailKey: { in: emails } } } })).map((row) => row.hash);
    for (const hash of hashes) expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,p=1,t=2\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(new Set(hashes).size).toBe(2);
  });

  it('ends the session that the request came with', async () => {
    const alice = await world.user();
    await world.send(register, { input: { email: newEmail(), password } }, { token: alice.accessToken });
    expect(await alice.ask(whoRegistered)).toMatchObject({ status: 401, code: 'TOKEN_REVOKED' });
  });

  it('is recorded, and so is the attempt on an address that is taken, for its owner to see', async () => {
    const email = newEmail();
    for (const _ of [1, 2]) await world.send(register, { input: { email, password } });
    const { id: userId } = await prisma.user.findUniqueOrThrow({ where: { emailKey: email } });
    const events = await prisma.auditEvent.findMany({ where: { userId } }); // two of them may be of the same millisecond
    expect(events.map(({ action, result, reason }) => `${action} ${result} ${reason}`).sort()).toEqual([
      'authn_login_success ok null',
      'user_created denied TAKEN',
      'user_created ok null',
    ]);
  });
});

describe('register: what it takes', () => {
  it('says what is wrong with address and password together, and makes nothing', async () => {
    const { code, errors } = await world.send(register, { input: { email: 'alice@localhost', password: 'trustno1' } });
    expect(code).toBe('INVALID_INPUT');
    expect(errors?.[0]?.extensions.fields).toEqual({
      email: ['not an e-mail address that we take'],
      password: ['The password is shorter than 15 characters.', expect.stringContaining('known from breaches')],
    });
  });

  it('says so of a password also where the address is taken', async () => {
    const email = newEmail();
    await world.send(register, { input: { email, password } });
    const { errors } = await world.send(register, { input: { email, password: 'too short' } });
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_INPUT', fields: { password: [expect.any(String)] } });
  });

  it('measures a password in code points, normalised', async () => {
    const [fox, composed, decomposed] = ['🦊🐻🦉🐸🐢🦄🐙🐝🦋🐌🐞🦀🐬🐳', 'é'.repeat(14), 'e\u0301'.repeat(14)];
    for (const short of [fox, composed, decomposed])
      expect((await world.send(register, { input: { email: newEmail(), password: short } })).code).toBe('INVALID_INPUT');
    const fine = await world.send(register, { input: { email: newEmail(), password: `${fox}🐉` } });
    expect(fine.code).toBeUndefined();
  });

  it('refuses a password that is too long before it is hashed', async () => {
    const before = process.cpuUsage();
    for (const length of [257, 2_000]) {
      const { errors } = await world.send(register, { input: { email: newEmail(), password: 'ü7'.repeat(length).slice(0, length) } });
      expect(errors?.[0]?.extensions, String(length)).toMatchObject({ code: 'INVALID_INPUT' });
    }
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
  });

  it('refuses addresses that could be taken for others', async () => {
    const emails = [
      'a b@example.com',
      'a@b@example.com',
      '"a"@example.com',
      'a@[10.0.0.1]',
      'ａ@example.com',
      'a\u200b@example.com',
      ' a@example.com',
    ];
    for (const email of emails) expect((await world.send(register, { input: { email, password } })).code, email).toBe('INVALID_INPUT');
  });

  it('refuses names with invisible characters or too many', async () => {
    for (const displayName of ['a\u202eb', 'a\nb', 'x'.repeat(121)]) {
      const email = newEmail();
      expect((await world.send(register, { input: { email, password, displayName } })).code).toBe('INVALID_INPUT');
      expect(await countOf(email)).toBe(0);
    }
  });
});
