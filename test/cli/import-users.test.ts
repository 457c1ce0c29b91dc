import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flaskSalt, importedHashes, importedPassword } from '../auth/imported-hashes.ts';
import { isEmbedded } from '../test-database.ts';
import { inspectDatabase, runCommand, startServerProcess, tempEnvironment } from './process.ts';

const { environment: empty, folder, cleanUp } = await tempEnvironment();
afterAll(cleanUp);
const environment = { ...empty, FLASK_SECURITY_PASSWORD_SALT: flaskSalt };

const admin = (...words: string[]) => runCommand(['scripts/admin.ts', ...words], environment, 'a long walk along the river\n');
let files = 0;

async function fileOf(lines: readonly (object | string)[]): Promise<string> {
  files += 1;
  const file = join(folder, `users${files}.jsonl`);
  await writeFile(file, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  return file;
}

const importLines = async (lines: readonly (object | string)[], ...flags: string[]) =>
  admin('users', 'import', await fileOf(lines), ...flags);
const inspect = <T>(work: Parameters<typeof inspectDatabase<T>>[1]) => inspectDatabase(environment, work);
const countUsers = () => inspect(({ prisma }) => prisma.user.count());

beforeAll(async () => {
  await admin('create-superadmin', 'ada@example.com');
  await inspect(({ prisma }) => prisma.domain.create({ data: { name: 'berlin', displayName: 'Berlin' } }));
}, 90_000);

describe('the admin command users import', { timeout: 240_000 }, () => {
  it('imports users who log in with their old passwords, sends no email and records each in the audit', async () => {
    const outcome = await importLines([
      {
        email: 'Bob@example.com',
        emailConfirmed: true,
        username: 'bobby',
        displayName: 'Bob',
        phone: '+44 20 7946 0958',
        passwordHash: importedHashes['Flask-Security bcrypt'],
        createdAt: '2020-02-03T04:05:06Z',
        grants: [{ role: 'ADMIN', domain: 'berlin', expiresAt: '2090-01-01T00:00:00Z' }, { role: 'USER' }],
      },
      { email: 'md5@example.com', passwordHash: importedHashes['Django md5'] },
      '',
      { email: 'none@example.com', enabled: false },
    ]);
    expect(outcome).toMatchObject({ code: 0, err: '' });
    expect(outcome.out).toContain('Imported 3 users.\nSkipped 0 whose address has an account, and 0 with conflicts.');
    const { users, emails, events, ada } = await inspect(async ({ prisma }) => ({
      users: await prisma.user.findMany({
        where: { emailKey: { not: 'ada@example.com' } },
        include: { password: true, grants: { include: { role: true, domain: true }, orderBy: { expiresAt: 'asc' } } },
        orderBy: { emailKey: 'asc' },
      }),
      emails: await prisma.outboxEmail.count(),
      events: await prisma.auditEvent.findMany({ where: { action: 'user_imported' } }),
      ada: await prisma.user.findUniqueOrThrow({ where: { emailKey: 'ada@example.com' } }),
    }));
    const [bob, md5, none] = users;
    expect(bob).toMatchObject({
      email: 'Bob@example.com',
      usernameKey: 'bobby',
      displayName: 'Bob',
      phone: '+44 20 7946 0958',
      createdAt: new Date('2020-02-03T04:05:06Z'),
      emailConfirmedAt: expect.any(Date),
      enabled: true,
      grants: [
        { role: { name: 'ADMIN' }, domain: { name: 'berlin' }, expiresAt: new Date('2090-01-01T00:00:00Z'), grantedById: ada.id },
        { role: { name: 'USER' }, domain: null },
      ],
    });
    expect(md5).toMatchObject({ emailConfirmedAt: null, grants: [{ role: { name: 'USER' }, domain: null }] });
    expect(md5?.password?.hash).toContain('$argon2id$');
    expect(md5?.password?.hash).not.toContain(Buffer.from(importedHashes['Django md5'].slice(-32), 'hex').toString('base64').slice(0, 22));
    expect(none).toMatchObject({ password: null, enabled: false });
    expect(emails).toBe(0);
    expect(events.map(({ userId, actorId }) => [userId, actorId]).sort()).toEqual(users.map(({ id }) => [id, ada.id]).sort());

    await using server = await startServerProcess(environment);
    const document = 'mutation ($input: LoginInput!) { login(input: $input) { ... on Session { user { email } } } }';
    for (const email of ['bobby', 'md5@example.com']) {
      const body = JSON.stringify({ query: document, variables: { input: { email, password: importedPassword } } });
      const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      expect(await response.json()).toMatchObject({ data: { login: { user: { email: expect.any(String) } } } });
    }
    await server.stop();
    const exported = await admin('users', 'export', 'bob@example.com');
    expect(exported.code).toBe(0);
    expect(exported.out).not.toMatch(/\$argon2|\$2b\$|flask-security\$/);
  });

  it('reports the faults of all lines with their fields before it writes, and never a hash', async () => {
    const before = await countUsers();
    const outcome = await importLines([
      { email: 'fine@example.com' },
      '{ "email": "broken@example.com", "passwordHash": "$2b$10$secret" ',
      { email: 'no address', passwordHash: 'secret of no known format' },
      { email: 'x1@example.com', password: 'a secret password', 'is admin': true },
      { email: 'x2@example.com', phone: '123', country: 'ZZ', createdAt: '2999-01-01T00:00:00Z' },
      { email: 'x3@example.com', passwordHash: '$2b$31$iLcjxXNiVAZRALDKN45TWO1LMpBmOCZraa0TFYowaNUDNBQEiODbC' },
      { email: 'x4@example.com', grants: [{ role: 'NONE' }, { role: 'USER', domain: 'paris' }, { role: 'SUPERADMIN', domain: 'berlin' }] },
      { email: 'x5@example.com', enabled: 'yes', grants: [{ role: 'USER', expiresAt: '2001-01-01T00:00:00Z' }] },
      { email: 'FINE@example.com', username: 'root' },
      { email: 'fine@EXAMPLE.com' },
    ]);
    expect(outcome).toMatchObject({ code: 1, out: '' });
    const lines = outcome.err.trim().split('\n');
    for (const fault of [
      'line 2: must be a JSON object',
      'line 3: email: must be a valid email address',
      'line 3: passwordHash: must be a hash in a format that docs/migrating.md lists',
      'line 4: password: must be omitted, it is not known; is admin: must be omitted, it is not known',
      'line 5: phone: must have at least 5 digits and otherwise only spaces and + - ( ) . /',
      'line 6: passwordHash: must have a cost of bcrypt from 4 to 14',
      'line 7: grants.0.role: must be an existing role',
      'line 7: grants.1.domain: must be an existing and active domain',
      'line 7: grants.2.domain: must be omitted for SUPERADMIN',
      'line 8: enabled: must be boolean',
      'line 10: email: must not be that of line 1',
      'Nothing was imported.',
    ])
      expect(lines).toContain(fault);
    expect(outcome.err).not.toMatch(/secret|\$2b/);
    expect(await countUsers()).toBe(before);
  });

  it('writes nothing in a dry run, and says what it would import', async () => {
    const before = await countUsers();
    const outcome = await importLines([{ email: 'bob@example.com' }, { email: 'dry@example.com' }], '--dry-run');
    expect(outcome).toMatchObject({ code: 0, err: '' });
    expect(outcome.out).toContain('Would import 1 users; nothing was written.\nSkipped 1 whose address has an account');
    expect(await countUsers()).toBe(before);
  });

  it('skips existing addresses without changing the account, and reports reserved addresses and taken usernames', async () => {
    await inspect(async ({ prisma }) => {
      const { id: userId } = await prisma.user.findUniqueOrThrow({ where: { emailKey: 'bob@example.com' } });
      const expiresAt = new Date(Date.now() + 86_400_000);
      await prisma.reservedEmail.create({ data: { email: 'old@example.com', emailKey: 'old@example.com', userId, expiresAt } });
    });
    const lines = [
      { email: 'BOB@example.com', displayName: 'Another' },
      { email: 'old@example.com' },
      { email: 'other@example.com', username: 'Bobby' },
      { email: 'free@example.com' },
    ];
    const outcome = await importLines(lines);
    expect(outcome.code).toBe(1);
    expect(outcome.out).toContain('Imported 1 users.\nSkipped 1 whose address has an account, and 2 with conflicts.');
    expect(outcome.err.trim().split('\n')).toEqual([
      'line 2: email: must not be reserved for a user who has changed their address',
      'line 3: username: must not be in use already',
    ]);
    const bob = await inspect(({ prisma }) => prisma.user.findUniqueOrThrow({ where: { emailKey: 'bob@example.com' } }));
    expect(bob.displayName).toBe('Bob');
  });

  it('imports a user with the former address of an erased account', async () => {
    await inspect(({ prisma }) =>
      prisma.user.update({
        where: { emailKey: 'none@example.com' },
        data: { email: 'erased-1@invalid', emailKey: 'erased-1@invalid', erasedAt: new Date(), deletedAt: new Date() },
      }),
    );
    expect((await importLines([{ email: 'none@example.com' }])).out).toContain('Imported 1 users.');
  });

  it.skipIf(isEmbedded)('continues after it was killed, with whole batches and each user once', async () => {
    const users = Array.from({ length: 20_000 }, (_, index) => ({
      email: `many${index}@example.com`,
      passwordHash: importedHashes['bcrypt 2b'],
    }));
    const file = await fileOf(users);
    const child = spawn(process.execPath, ['scripts/admin.ts', 'users', 'import', file], { env: { ...process.env, ...environment } });
    const closed = new Promise((resolve) => child.once('close', resolve));
    const countMany = () => inspect(({ prisma }) => prisma.user.count({ where: { emailKey: { startsWith: 'many' } } }));
    await expect.poll(countMany, { timeout: 60_000, interval: 50 }).toBeGreaterThan(0);
    child.kill('SIGKILL');
    await closed;
    const killedAt = await countMany();
    expect(killedAt % 500).toBe(0);
    expect(killedAt).toBeLessThan(20_000);
    const outcome = await admin('users', 'import', file);
    expect(outcome).toMatchObject({ code: 0, err: '' });
    expect(outcome.out).toContain(`Imported ${20_000 - killedAt} users.\nSkipped ${killedAt} whose address has an account`);
    const counts = await inspect(({ prisma }) =>
      Promise.all([
        prisma.password.count({ where: { user: { emailKey: { startsWith: 'many' } } } }),
        prisma.roleGrant.count({ where: { user: { emailKey: { startsWith: 'many' } } } }),
        prisma.auditEvent.count({ where: { action: 'user_imported', user: { emailKey: { startsWith: 'many' } } } }),
      ]),
    );
    expect(counts).toEqual([20_000, 20_000, 20_000]);
    expect((await admin('users', 'import', file)).out).toContain('Imported 0 users.\nSkipped 20000 whose');
  });

  it('works beside a running server', async () => {
    await using server = await startServerProcess(environment);
    const outcome = await importLines([{ email: 'beside@example.com', passwordHash: importedHashes['Werkzeug scrypt'] }]);
    expect(outcome).toMatchObject({ code: 0, err: '' });
    expect(outcome.out).toContain('Imported 1 users.');
    await server.stop();
  });

  it('is rejected without a superadmin, and for a file that does not exist', async () => {
    expect(await importLines([{ email: 'x@example.com' }], '--as', 'free@example.com')).toMatchObject({ code: 1, out: '' });
    expect(await admin('users', 'import', join(folder, 'missing.jsonl'))).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('ENOENT'),
    });
  });
});
