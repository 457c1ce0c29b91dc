import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { setupToken } from '../../src/identity/accounts/first-superadmin.ts';
import { openPage } from '../pages/page-client.ts';
import { comparableResult, startTestServer, type TestServer } from '../test-server.ts';

const password = 'seven teal herons misread a map';
const SETUP_TOKEN = randomBytes(32).toString('hex');
const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgresql://unused', // the test server opens its own database
  PUBLIC_URL: 'https://fieldgate.test',
  SMTP_URL: 'smtp://127.0.0.1:1',
  MAIL_FROM: 'no-reply@fieldgate.test',
};

const create = 'mutation ($input: CreateFirstSuperadminInput!) { createFirstSuperadmin(input: $input) { ok } }';
const login = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { accessToken } } }';
const newEmail = () => `${randomUUID()}@example.com`;

interface Input {
  readonly token?: string;
  readonly email?: string;
  readonly password?: string;
  readonly displayName?: string;
}

const send = (server: TestServer, input: Input = {}, address?: string) =>
  server.query(
    create,
    { input: { token: setupToken(server) ?? '', email: newEmail(), password, ...input } },
    address === undefined ? {} : { address },
  );
const countUsers = ({ db }: TestServer) => db.prisma.user.count();

describe('createFirstSuperadmin', () => {
  it('creates a superadmin who can log in at once, and records it', async () => {
    const server = await startTestServer({ REQUIRE_EMAIL_CONFIRMATION: 'true' });
    const email = newEmail();
    expect((await send(server, { email, displayName: 'Ada' })).data).toEqual({ createFirstSuperadmin: { ok: true } });
    const { data } = await server.query(login, { input: { email, password } });
    const me = await server.query('{ me { displayName roles { role { name } domain { name } } } }', {}, { token: data.login.accessToken });
    expect(me.data).toEqual({ me: { displayName: 'Ada', roles: [{ role: { name: 'SUPERADMIN' }, domain: null }] } });
    expect(await server.db.prisma.auditEvent.findMany({ where: { action: 'user_created' } })).toMatchObject([
      { result: 'ok', actorId: null, details: { role: 'SUPERADMIN', domain: null } },
    ]);
  });

  it('succeeds for exactly one of many concurrent calls, and the others create nothing', async () => {
    const server = await startTestServer();
    const results = await Promise.all(Array.from({ length: 40 }, () => send(server)));
    const codes = results.map(({ code }) => code ?? 'ok');
    expect(codes.filter((code) => code === 'ok')).toHaveLength(1);
    expect(new Set(codes)).toEqual(new Set(['ok', 'INVALID_TOKEN']));
    expect([await countUsers(server), await server.db.prisma.roleGrant.count()]).toEqual([1, 1]);
  });

  it('responds to the right token once there is a superadmin as to a wrong one before and after', async () => {
    const server = await startTestServer();
    const token = `fgs_${randomBytes(32).toString('base64url')}`;
    const before = await send(server, { token });
    expect(before.code).toBe('INVALID_TOKEN');
    expect((await send(server)).code).toBeUndefined();
    for (const input of [{}, { token }, { token: '' }, { password: 'short' }, { token, password: 'short' }])
      expect(comparableResult(await send(server, input))).toEqual(comparableResult(before));
    expect(await countUsers(server)).toBe(1);
    expect(await server.db.prisma.auditEvent.count({ where: { action: 'user_created', result: 'denied', reason: 'SETUP' } })).toBe(6);
  });

  it.each([
    ['disabled', { enabled: false }, {}],
    ['deleted', { deletedAt: new Date() }, {}],
    ['without a valid grant', {}, { expiresAt: new Date(0) }],
  ])('is not possible if the only superadmin is %s', async (_, user, grant) => {
    const server = await startTestServer();
    const { uuid } = await server.user('SUPERADMIN');
    await server.db.prisma.user.update({ where: { id: uuid }, data: user });
    await server.db.prisma.roleGrant.updateMany({ where: { userId: uuid }, data: grant });
    expect((await send(server)).code).toBe('INVALID_TOKEN');
  });

  it('is possible beside users who are superadmin nowhere, or in a domain only', async () => {
    const server = await startTestServer();
    await server.domain('north');
    await Promise.all([server.user('ADMIN'), server.user('USER'), server.user('SUPERADMIN', 'north')]);
    expect((await send(server)).code).toBeUndefined();
  });

  it('rejects a weak password and a taken or malformed address, and stays possible', async () => {
    const server = await startTestServer();
    const taken = await server.user();
    const fields = async (input: Input) => (await send(server, input)).errors?.[0]?.extensions.fields;
    expect(await fields({ password: 'short' })).toEqual({ password: [expect.stringContaining('must have at least 15 characters')] });
    expect(await fields({ email: 'ada@localhost' })).toEqual({ email: ['must be a valid email address'] });
    expect(await fields({ email: taken.email.toUpperCase() })).toEqual({ email: ['must not be in use already'] });
    expect((await send(server)).code).toBeUndefined();
  });

  it('is limited to 20 attempts in an hour for each network, and 100 for all together', async () => {
    const server = await startTestServer();
    const codes = async (count: number, address?: string) =>
      new Set((await Promise.all(Array.from({ length: count }, () => send(server, { token: 'guess' }, address)))).map(({ code }) => code));
    expect(await codes(20, '10.1.1.1')).toEqual(new Set(['INVALID_TOKEN']));
    const limited = await send(server, {}, '10.1.1.1');
    expect([limited.code, limited.status, Number(limited.headers.get('retry-after')) > 3_000]).toEqual(['RATE_LIMITED', 429, true]);
    expect(await codes(80)).toEqual(new Set(['INVALID_TOKEN']));
    expect((await send(server)).code).toBe('RATE_LIMITED');
    expect(await countUsers(server)).toBe(0);
  });

  it('writes the token neither to the log nor to the database', async () => {
    const server = await startTestServer({ SETUP_TOKEN });
    await Promise.all([send(server, { token: `${SETUP_TOKEN}x` }), send(server, { password: 'short' })]);
    await openPage(server, '/setup', { token: SETUP_TOKEN, email: newEmail(), password });
    expect(await countUsers(server)).toBe(1);
    expect(server.log.join()).not.toContain(SETUP_TOKEN);
    const tables = await server.db.prisma.$queryRaw<{ text: string }[]>`
      select query_to_xml(format('select * from %I', table_name), true, false, '')::text as text
      from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`;
    expect(tables.length).toBeGreaterThan(10);
    for (const { text } of tables) expect(text).not.toContain(SETUP_TOKEN);
  });

  it('is closed in production without SETUP_TOKEN: it writes nothing, and there is no page', async () => {
    const server = await startTestServer(production);
    for (const token of ['', 'fgs_'.padEnd(47, 'A'), String(setupToken({ ...server, config: { ...server.config, production: false } }))])
      expect((await send(server, { token })).code).toBe('INVALID_TOKEN');
    expect((await openPage(server, '/setup')).status).toBe(404);
    const { user, auditEvent, rateLimit } = server.db.prisma;
    expect([await user.count(), await auditEvent.count(), await rateLimit.count()]).toEqual([0, 0, 0]);
  });

  it('takes SETUP_TOKEN instead of any other token where it is set', async () => {
    const server = await startTestServer({ ...production, SETUP_TOKEN });
    const derived = String(setupToken({ ...server, config: { production: false, SETUP_TOKEN: undefined } }));
    expect((await send(server, { token: derived })).code).toBe('INVALID_TOKEN');
    expect((await openPage(server, '/setup')).heading).toBe('Create the first administrator');
    expect((await send(server, { token: SETUP_TOKEN })).code).toBeUndefined();
  });
});
