import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { hooks } from '../../src/schema/auth/hooks.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer();
const { prisma } = server.db;

// An installation lists its hooks in src/schema/auth/hooks.ts. These are in the same lists while this file runs.
const { onRegister, onLogin } = hooks as { [name in keyof typeof hooks]: (typeof hooks)[name][number][] };
onRegister.push(({ input }) => (input.email.endsWith('@competitor.example') ? 'Competitors cannot register.' : undefined));
onLogin.push(async ({ userId, db }) =>
  (await db.prisma.userSetting.count({ where: { userId, key: 'on-leave' } })) > 0 ? 'You are on leave.' : undefined,
);
afterAll(() => {
  onRegister.length = 0;
  onLogin.length = 0;
});

const password = 'seven teal herons misread a map';
const register = 'mutation ($input: RegisterInput!) { register(input: $input) { session { accessToken } } }';
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';

describe('a hook', () => {
  it('rejects a registration with its reason, creates no account and is audited', async () => {
    const email = `${randomUUID()}@competitor.example`;
    const { errors } = await server.query(register, { input: { email, password } });
    const rejected = { code: 'FORBIDDEN', coordinate: 'Mutation.register', reason: 'Competitors cannot register.' };
    expect(errors?.[0]?.extensions).toMatchObject(rejected);
    expect(await prisma.user.count({ where: { emailKey: email } })).toBe(0);
    expect(await prisma.auditEvent.count({ where: { action: 'user_created', result: 'denied', reason: 'HOOK' } })).toBe(1);
    expect((await server.query(register, { input: { email: `${randomUUID()}@example.com`, password } })).code).toBeUndefined();
  });

  it('rejects a login with its reason only after the correct password, creates no session and is audited', async () => {
    const alice = await server.user();
    const logIn = (secret: string) => server.query(login, { input: { email: alice.email, password: secret } });
    await prisma.userSetting.create({ data: { userId: alice.uuid, key: 'on-leave', value: 'yes' } });
    expect((await logIn('not the password at all')).code).toBe('INVALID_CREDENTIALS');
    const { errors } = await logIn(alice.password);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', coordinate: 'Mutation.login', reason: 'You are on leave.' });
    expect(await prisma.token.count({ where: { userId: alice.uuid } })).toBe(1);
    expect(await prisma.auditEvent.count({ where: { userId: alice.uuid, result: 'denied', reason: 'FORBIDDEN' } })).toBe(1);
    await prisma.userSetting.deleteMany({ where: { userId: alice.uuid } });
    expect((await logIn(alice.password)).code).toBeUndefined();
  });
});
