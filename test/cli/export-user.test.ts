import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportedEntries, exportedModels } from '../../src/commands/export/exported-models.ts';
import { isEmbedded } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';
import { inspectDatabase, runCommand, spawnProcess, startServerProcess, tempEnvironment } from './process.ts';
import { user } from './sessions.ts';

const { environment, cleanUp } = await tempEnvironment();
afterAll(cleanUp);

const admin = (...words: string[]) => runCommand(['scripts/admin.ts', ...words], environment, 'a long walk along the river\n');
const [bob, carol] = [user('bob@example.com'), user('carol@example.com')];

type Rows = Record<string, unknown>[];

async function exported(email = 'bob@example.com'): Promise<Record<string, Rows>> {
  const { code, out, err } = await admin('users', 'export', email);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
}

beforeAll(async () => {
  await admin('create-superadmin', 'ada@example.com');
  await using server = await startServerProcess(environment);
  const session = await bob.register(server.url);
  await carol.register(server.url);
  await server.stop();
  await inspectDatabase(environment, async ({ prisma }) => {
    const find = (email: string) => prisma.user.update({ where: { emailKey: email }, data: { emailConfirmedAt: new Date() } });
    const [one, other] = [await find('bob@example.com'), await find('carol@example.com')];
    await prisma.user.update({ where: { id: one.id }, data: { phone: '+44 20 7946 0958', address: '1 Long Street' } });
    await prisma.userSetting.create({ data: { userId: one.id, key: 'theme', value: 'dark' } });
    await prisma.fieldRead.create({
      data: { userId: other.id, actorId: one.id, field: 'User.phone', via: 'admin', day: new Date(), at: new Date() },
    });
    const { id: roleId } = await prisma.role.findUniqueOrThrow({ where: { name: 'USER' } });
    const expiresAt = new Date(Date.now() + 86_400_000);
    await prisma.invitation.create({
      data: { email: 'bob@example.com', emailKey: 'bob@example.com', roleId, invitedById: other.id, expiresAt },
    });
    await prisma.invitation.create({
      data: { email: 'eve@example.com', emailKey: 'eve@example.com', roleId, invitedById: one.id, expiresAt },
    });
    await prisma.reservedEmail.create({ data: { email: 'old@example.com', emailKey: 'old@example.com', userId: one.id, expiresAt } });
    const purpose = 'RESET_PASSWORD';
    const hash = Buffer.from('the hash of a link');
    await prisma.emailLink.create({
      data: { id: crypto.randomUUID(), purpose, userId: one.id, email: 'bob@example.com', emailKey: 'bob@example.com', hash, expiresAt },
    });
  });
  expect(session.accessToken).toEqual(expect.any(String));
}, 90_000);

describe('the admin command users export', { timeout: 120_000 }, () => {
  it('exports or excludes with a reason every column of every table', async () => {
    const columns = await inspectDatabase(
      environment,
      ({ prisma }) =>
        prisma.$queryRaw<{ name: string; column: string }[]>`
        select table_name::text as name, column_name::text as column from information_schema.columns
        join information_schema.tables using (table_schema, table_name)
        where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not like '\\_%'`,
    );
    const listed = exportedEntries.flatMap(([model, entry]) => Object.keys(entry.columns).map((column) => `${model}.${column}`));
    const existing = columns.filter(({ name }) => typeof exportedModels[name as keyof typeof exportedModels] !== 'string');
    expect(existing.map(({ name, column }) => `${name}.${column}`).sort()).toEqual(listed.sort());
    expect(new Set(columns.map(({ name }) => name))).toEqual(new Set(Object.keys(exportedModels)));
  });

  it('prints everything about the user, and nothing about others', async () => {
    const data = await exported();
    expect(data.account).toMatchObject([{ email: 'bob@example.com', phone: '+44 20 7946 0958', address: '1 Long Street' }]);
    expect(data.password).toEqual([{ updatedAt: expect.any(String) }]);
    expect(data.grants).toMatchObject([{ role: 'USER', domain: null }]);
    expect(data.sessionsAndApiTokens).toMatchObject([{ kind: 'SESSION', createdFrom: expect.any(String) }]);
    expect(data.settings).toMatchObject([{ key: 'theme', value: 'dark' }]);
    expect(data.invitationsReceived).toMatchObject([{ email: 'bob@example.com', role: 'USER' }]);
    expect(data.invitationsSent).toMatchObject([{ email: 'eve@example.com' }]);
    expect(data.previousEmails).toMatchObject([{ email: 'old@example.com' }]);
    expect(data.emails?.map(({ template }) => template)).toContain('emailConfirmation');
    expect(data.emailLinks?.map(({ purpose }) => purpose)).toContain('RESET_PASSWORD');
    expect(data.fieldReadsOfOthers).toMatchObject([{ field: 'User.phone' }]);
    expect(data.auditEvents?.map(({ action }) => action)).toEqual(expect.arrayContaining(['user_created', 'authn_login_success']));
    const { notIncluded, ...lists } = data;
    expect(notIncluded).toMatchObject({ 'Password.hash': 'a secret', TokenSecret: 'hashes of secrets' });
    expect(JSON.stringify(lists)).not.toContain('carol@example.com');
  });

  it('contains no hash, secret or token', async () => {
    const { out } = await admin('users', 'export', 'bob@example.com');
    const secrets = await inspectDatabase(environment, async ({ prisma }) => [
      ...(await prisma.password.findMany()).map(({ hash }) => hash),
      ...[...(await prisma.tokenSecret.findMany()), ...(await prisma.emailLink.findMany())].map(({ hash }) => Buffer.from(hash)),
    ]);
    expect(secrets.length).toBeGreaterThan(3);
    for (const secret of secrets)
      for (const text of typeof secret === 'string'
        ? [secret]
        : [secret.toString('hex'), secret.toString('base64'), secret.toString('base64url')])
        expect(out).not.toContain(text);
    expect(out).not.toMatch(/\$argon2|"hash"|fgl_|eyJ/);
  });

  it('is recorded in the audit, and as reads of the sensitive fields by the superadmin', async () => {
    const { auditEvents = [], fieldReadsByOthers = [] } = await exported();
    const events = auditEvents.filter(({ action }) => action === 'user_exported');
    const id = (email: string) =>
      inspectDatabase(environment, ({ prisma }) => prisma.user.findUniqueOrThrow({ where: { emailKey: email } }));
    const [superadmin, owner] = [await id('ada@example.com'), await id('bob@example.com')];
    expect(events.at(-1)).toMatchObject({ actorId: superadmin.id, userId: owner.id, targetType: 'User', targetId: owner.id, agent: null });
    expect(fieldReadsByOthers.map(({ field, actorId }) => [field, actorId]).sort()).toEqual([
      ['User.address', superadmin.id],
      ['User.phone', superadmin.id],
    ]);
  });

  it('rejects an unknown address, and a caller who is no superadmin', async () => {
    expect(await admin('users', 'export', 'x@example.com')).toMatchObject({
      code: 1,
      out: '',
      err: 'No user has the email address x@example.com.\n',
    });
    expect(await admin('users', 'export', 'bob@example.com', '--as', 'carol@example.com')).toMatchObject({
      code: 1,
      out: '',
      err: 'carol@example.com is not a superadmin.\n',
    });
  });

  it('exports a deleted account', async () => {
    expect(await admin('users', 'delete', 'carol@example.com')).toMatchObject({ code: 0 });
    expect((await exported('carol@example.com')).account).toMatchObject([{ deletedAt: expect.any(String) }]);
  });

  it.skipIf(isEmbedded)('exports 100,000 audit events, which take more memory than it has', async () => {
    await inspectDatabase(environment, async ({ prisma }) => {
      const { id } = await prisma.user.findUniqueOrThrow({ where: { emailKey: 'bob@example.com' } });
      await prisma.$executeRaw`
        insert into "AuditEvent" (action, result, "userId", details)
        select 'authn_login_fail', 'denied', ${id}::uuid, jsonb_build_object('text', repeat('x', 1000)) from generate_series(1, 100000)`;
    });
    const { code, out, err } = await runCommand(
      ['--max-old-space-size=160', 'scripts/admin.ts', 'users', 'export', 'bob@example.com'],
      environment,
    );
    expect([code, err]).toEqual([0, '']);
    const { auditEvents } = JSON.parse(out) as Record<string, Rows>;
    expect(auditEvents?.filter(({ action }) => action === 'authn_login_fail')).toHaveLength(100_000);
  });

  it.skipIf(isEmbedded)('does not keep a transaction open while its output is not read', async () => {
    const { child, ended } = spawnProcess(process.execPath, ['scripts/admin.ts', 'users', 'export', 'bob@example.com'], environment);
    child.stdout.removeAllListeners('data').pause(); // the events of the test above do not fit into the pipe
    const open = `select count(*)::int as count from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`;
    await waitUntil(() => child.stdout.readableLength > 0);
    const counts = await inspectDatabase(environment, ({ query }) => query<{ count: number }>({ text: open, values: [] }));
    expect([child.exitCode, counts]).toEqual([null, [{ count: 0 }]]);
    child.kill('SIGKILL');
    await ended;
  });
});
