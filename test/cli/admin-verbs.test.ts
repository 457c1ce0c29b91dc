import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectDatabase, runCommand, spawnProcess, startServerProcess, tempEnvironment } from './process.ts';

const { environment, folder, cleanUp: leave } = await tempEnvironment();
afterAll(leave);

/** Runs a command and returns its exit code and output. */
async function admin(...words: string[]) {
  const { code, out, err } = await runCommand(['scripts/admin.ts', ...words], environment, 'a long walk along the river\n');
  return [code, (out + err).trim()];
}

beforeAll(() => admin('create-superadmin', 'ada@example.com'), 60_000);

describe('the admin commands for domains, roles and grants', { timeout: 60_000 }, () => {
  it('do what the API does, report whether anything changed, and exit with 0 if there is nothing to do', async () => {
    expect(await admin('domains', 'create', 'north', '--display-name', 'The north')).toEqual([0, 'Created the domain north.']);
    expect(await admin('roles', 'create', 'EDITOR', '--permissions', 'users:read,roles:read')).toEqual([0, 'Created the role EDITOR.']);
    const grant = ['users', 'grant', 'ada@example.com', 'EDITOR', '--domain', 'north'];
    expect(await admin(...grant)).toEqual([0, 'ada@example.com now has EDITOR in north.']);
    expect(await admin(...grant)).toEqual([0, 'ada@example.com already has EDITOR in north.']);
    const revoke = ['users', 'revoke', 'Ada@Example.com', 'EDITOR', '--domain', 'north'];
    expect(await admin(...revoke)).toEqual([0, 'Ada@Example.com no longer has EDITOR in north.']);
    expect(await admin(...revoke)).toEqual([0, 'Ada@Example.com did not have EDITOR in north.']);
  });

  it('exit with 1 and one sentence when something is not found or is rejected', async () => {
    expect(await admin('tokens', 'purge')).toEqual([0, 'Deleted 0 tokens that expired or were revoked more than 30 days ago.']);
    expect(await admin('users', 'enable', 'unknown@example.com')).toEqual([1, 'No user has the email address unknown@example.com.']);
    expect(await admin('domains', 'disable', 'nowhere')).toEqual([1, 'There is no domain named nowhere.']);
    expect(await admin('users', 'grant', 'ada@example.com', 'NOTHING')).toEqual([
      1,
      expect.stringContaining('role: must be an existing role'),
    ]);
    expect(await admin('users', 'disable', 'ada@example.com')).toEqual([1, expect.stringContaining('SELF_ACTION_FORBIDDEN')]);
    expect(await admin('users', 'enable', 'ada@example.com', '--as', 'eve@example.com')).toEqual([
      1,
      'eve@example.com is not a superadmin.',
    ]);
  });

  it('end quietly when the reader closes the pipe, and still revoke their session', async () => {
    const { child, output, ended } = spawnProcess(process.execPath, ['scripts/admin.ts', 'domains', 'create', 'west'], environment);
    child.stdin.end();
    child.stdout.destroy();
    expect([await ended, output.err]).toEqual([0, '']);
    await inspectDatabase(environment, async ({ prisma }) => {
      expect(await prisma.domain.count({ where: { name: 'west' } })).toBe(1);
      expect(await prisma.token.count({ where: { description: 'admin command', revokedAt: null } })).toBe(0);
    });
  });

  it('unlock an account, also that of the only superadmin', async () => {
    const server = await startServerProcess(environment);
    const body = JSON.stringify({ query: 'mutation { login(input: { email: "ada@example.com", password: "guess" }) { __typename } }' });
    await fetch(`${server.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    await server.stop();
    expect(await admin('users', 'unlock', 'ada@example.com')).toEqual([0, 'ada@example.com can log in without waiting.']);
    expect(await admin('users', 'unlock', 'ada@example.com')).toEqual([0, 'ada@example.com had no failed attempts.']);
    await inspectDatabase(environment, async ({ prisma }) => {
      expect(await prisma.rateLimit.count({ where: { subject: { not: null } } })).toBe(0);
      expect(await prisma.auditEvent.count({ where: { reason: 'unlocked', agent: 'admin command' } })).toBe(1);
    });
  });

  it('create an account, confirm its address, delete it and restore it', async () => {
    const email = 'carol@example.com';
    expect(await admin('users', 'create', email, '--display-name', 'Carol')).toEqual([0, expect.stringContaining('Created an account')]);
    expect(await admin('users', 'create', email)).toEqual([1, expect.stringContaining('TAKEN')]);
    expect(await admin('users', 'confirm', email)).toEqual([0, `${email} is confirmed.`]);
    expect(await admin('users', 'delete', email)).toEqual([0, `${email} is deleted and can be restored.`]);
    expect(await admin('users', 'delete', email)).toEqual([0, `${email} was already deleted.`]);
    expect(await admin('users', 'restore', email)).toEqual([0, `${email} is restored.`]);
    expect(await admin('users', 'reset-access', email)).toEqual([0, `Revoked 0 sessions and API tokens of ${email}.`]);
    await inspectDatabase(environment, async ({ prisma }) => {
      const user = await prisma.user.findUniqueOrThrow({ where: { emailKey: email }, include: { outboxEmails: true } });
      expect(user).toMatchObject({ displayName: 'Carol', emailConfirmedAt: expect.any(Date), deletedAt: null });
      expect(user.outboxEmails.map(({ template }) => template)).toContain('welcome');
    });
  });

  it('exit with 2 and the usage when the arguments are invalid', async () => {
    for (const words of [
      ['users'],
      ['users', 'enable'],
      ['users', 'enable', 'a', 'b'],
      ['users', 'enable', 'a', '--domain', 'north'],
      ['users', 'burn', 'a'],
      ['seed'],
    ])
      expect(await admin(...words)).toEqual([2, expect.stringContaining('Usage:')]);
  });

  it('use a superadmin session that is revoked at the end, and are audited', async () => {
    await inspectDatabase(environment, async ({ prisma }) => {
      expect(await prisma.token.count({ where: { description: 'admin command', revokedAt: null } })).toBe(0);
      const made = await prisma.auditEvent.findFirstOrThrow({ where: { targetType: 'Domain' } });
      expect(made).toMatchObject({
        actorId: (await prisma.user.findUniqueOrThrow({ where: { emailKey: 'ada@example.com' } })).id,
        agent: 'admin command',
        network: 'local',
      });
    });
  });
});

describe('the seed command', { timeout: 60_000 }, () => {
  const file = join(folder, 'seed.yaml');
  const seed = async (text: string) => {
    await writeFile(file, text);
    return admin('seed', file);
  };

  it('creates what the file describes, and nothing the second time', async () => {
    const text = `
roles:
  - { name: WRITER, description: Writes, permissions: [users:read] }
domains:
  - { name: south, displayName: The south }
  - { name: harbour, parent: south }
users:
  - { email: bob@example.com, displayName: Bob, grants: [{ role: WRITER, domain: harbour }] }
`;
    const made = [
      'role WRITER created',
      'domain south created',
      'domain harbour created',
      'user bob@example.com created',
      'bob@example.com granted WRITER in harbour',
    ];
    expect(await seed(text)).toEqual([0, made.join('\n')]);
    expect(await seed(text)).toEqual([0, 'Nothing to change.']);
    expect(await seed(text.replace('[users:read]', '[roles:read]'))).toEqual([0, 'role WRITER updated']);
  });

  it('names the position of each fault and creates nothing', async () => {
    expect(await seed('roles: [{ nam: X }]\nthings: []')).toEqual([1, expect.stringMatching(/roles\.0[\s\S]*root/)]);
    expect(await seed('roles: [')).toEqual([1, expect.stringContaining(file)]);
  });
});
