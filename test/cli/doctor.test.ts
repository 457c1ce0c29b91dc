import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../../bench/free-port.ts';
import { generateKeys } from '../../src/identity/keys/configured-keys.ts';
import { openSmtpServer } from '../mail/smtp-server.ts';
import { isEmbedded } from '../test-database.ts';
import { runCommand, startServerProcess, tempEnvironment } from './process.ts';

const { environment, folder, cleanUp } = await tempEnvironment();
afterAll(cleanUp);

const password = 'hunter2-is-a-secret';
const mailServer = await openSmtpServer({
  authOptional: false,
  allowInsecureAuth: true,
  onAuth: ({ username, password: given }, _, done) =>
    given === password ? done(null, { user: username }) : done(new Error('Invalid login')),
});
const smtpUrl = (given: string) => mailServer.url.replace('//', `//fieldgate:${given}@`);
const keys = await generateKeys();
const port = await freePort();

/** An installation in production, on this machine. */
const settings: Record<string, string> = {
  ...environment,
  ...keys,
  NODE_ENV: 'production',
  PORT: String(port),
  PUBLIC_URL: `http://127.0.0.1:${port}`,
  SMTP_URL: smtpUrl(password),
  MAIL_FROM: 'Fieldgate <no-reply@example.com>',
};

const admin = (words: string[], changes: Record<string, string> = {}, input = '') =>
  runCommand(['scripts/admin.ts', ...words], { ...settings, ...changes }, input);

/** The exit code of `doctor`, and its findings that are not ok. */
async function diagnose(changes: Record<string, string> = {}, ...words: string[]) {
  const { code, out } = await admin(['doctor', '--json', ...words], changes);
  const { checks } = JSON.parse(out) as { checks: Record<'check' | 'status' | 'message', string>[] };
  const faults = checks.filter(({ status }) => status !== 'ok').map(({ check, status, message }) => `${status} ${check}: ${message}`);
  return { code, faults, checks, out };
}

async function change(statement: string) {
  const client = new pg.Client({ connectionString: environment.DATABASE_URL });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

describe.skipIf(isEmbedded)('the admin command doctor', { timeout: 120_000 }, () => {
  it('reports what a new installation lacks, and creates nothing', async () => {
    const before = await change('select (select count(*) from "KeyInUse") as keys, (select count(*) from "AuditEvent") as events');
    const { code, faults } = await diagnose();
    expect(code).toBe(1);
    expect(faults).toEqual([
      'problem accounts: there is no superadmin; create one with `npm run admin -- create-superadmin <email>`',
      expect.stringMatching(/^warning PUBLIC_URL: .* cannot be reached from here: nothing listens there/),
    ]);
    expect(await change('select (select count(*) from "KeyInUse") as keys, (select count(*) from "AuditEvent") as events')).toEqual(before);
  });

  it('exits with 0 and one line for each check if all is right', async () => {
    expect(await admin(['create-superadmin', 'ada@example.com'], {}, 'a long walk along the river\n')).toMatchObject({ code: 0 });
    await using _ = await startServerProcess(settings);
    const { code, out, err } = await admin(['doctor']);
    expect([code, err]).toEqual([0, '']);
    const lines = out.trim().split('\n');
    expect(lines.pop()).toBe('No problems, no warnings.');
    expect(lines.filter(Boolean).map((line) => /^ok {7}(?<check>\S+(?: \S+)*) {2,}\S/.exec(line)?.groups?.check)).toEqual([
      'Node.js',
      'settings',
      'keys',
      'database',
      'pooler',
      'connections',
      'rights',
      'clock',
      'migrations',
      'keys',
      'accounts',
      'audit',
      'outbox',
      'jobs',
      'mail',
      'PUBLIC_URL',
    ]);
    expect(out).toContain('with the keys of this database');
  });

  it('reports every invalid setting, and checks what does not depend on it', async () => {
    const { code, faults, checks } = await diagnose({ PASSWORD_MIN: '1', LOG_LEVEL: 'loud', TRUSTED_PROXIES: 'one', FIELDGATE_PORT: '1' });
    expect(code).toBe(1);
    expect(faults.filter((fault) => fault.includes(' settings: ')).sort()).toEqual([
      'problem settings: FIELDGATE_PORT: does not exist; its name is PORT',
      expect.stringContaining('problem settings: LOG_LEVEL: must be one of'),
      'problem settings: PASSWORD_MIN: must be a whole number from 8 to 64',
      'problem settings: TRUSTED_PROXIES: must be a whole number from 0 to 10',
    ]);
    expect(checks.filter(({ status }) => status === 'ok').map(({ check }) => check)).toEqual(
      expect.arrayContaining(['keys', 'database', 'accounts', 'mail']),
    );
    const without = await diagnose({ DATABASE_URL: 'mysql://db', JWT_KEYS: '' });
    expect(without.faults).toEqual(
      expect.arrayContaining([
        expect.stringContaining('problem settings: DATABASE_URL: must be a URL'),
        'problem settings: JWT_KEYS: must be set in production',
        'warning database: not checked, because DATABASE_URL is invalid',
      ]),
    );
    expect(without.checks).toContainEqual(expect.objectContaining({ check: 'mail', status: 'ok' }));
  });

  it('warns about settings that do not fit together', async () => {
    const { faults } = await diagnose({ PUBLIC_URL: 'https://id.fieldgate.test', HOST: '0.0.0.0', ALLOWED_HOSTS: 'localhost' });
    expect(faults).toEqual([
      expect.stringContaining('warning settings: TRUSTED_PROXIES: is 0, although PUBLIC_URL is https'),
      expect.stringContaining('warning settings: HOST: is 0.0.0.0'),
      'problem settings: ALLOWED_HOSTS: does not contain id.fieldgate.test, the host of PUBLIC_URL; add it',
      expect.stringContaining('warning PUBLIC_URL: '),
    ]);
    const other = await diagnose({ NODE_ENV: 'development', PUBLIC_URL: 'https://id.fieldgate.test', TRUSTED_PROXIES: '1' });
    expect(other.faults[0]).toContain('warning settings: NODE_ENV: is not production');
  });

  it('says in one sentence why the database or the mail server cannot be used, and never prints a password', async () => {
    const url = Object.assign(new URL(environment.DATABASE_URL ?? ''), { port: '1', password });
    const { faults, out } = await diagnose({ DATABASE_URL: url.href, SMTP_URL: smtpUrl(`${password}-wrong`) });
    expect(faults).toEqual([
      'problem database: Setting DATABASE_URL: no database listens there',
      'problem mail: SMTP_URL: the mail server rejects the user or the password',
      expect.stringContaining('warning PUBLIC_URL'),
    ]);
    const unreachable = await diagnose({ SMTP_URL: `smtp://fieldgate:${password}@127.0.0.1:1` });
    expect(unreachable.faults[0]).toMatch(
      /^problem mail: SMTP_URL: (?:no mail server listens there|the connection to the mail server failed)/,
    );
    const all = `${out}${unreachable.out}${(await diagnose()).out}`;
    for (const secret of [password, encodeURIComponent(password), keys.JWT_KEYS, keys.ENCRYPTION_KEYS, JSON.parse(keys.JWT_KEYS)[0].d])
      expect(all).not.toContain(secret);
  });

  it('sends a test email only if it is asked to', async () => {
    expect(mailServer.taken).toHaveLength(0);
    const { checks } = await diagnose({}, '--send', 'ops@example.com');
    expect(checks).toContainEqual({ check: 'mail', status: 'ok', message: 'the mail server has accepted a test email to ops@example.com' });
    expect(mailServer.taken).toMatchObject([{ to: ['ops@example.com'] }]);
    const { faults } = await diagnose({}, '--send', 'ops@nowhere');
    expect(faults).toContain('problem mail: ops@nowhere is not a valid email address; no test email was sent');
    expect(mailServer.taken).toHaveLength(1);
  });

  it('does not apply a pending migration, and reports one that this version does not know', async () => {
    const [last] = await change('select * from _prisma_migrations order by migration_name desc limit 1');
    await change(`delete from _prisma_migrations where migration_name = '${last.migration_name}'`);
    const pending = await diagnose();
    expect([pending.code, pending.faults[0]]).toEqual([
      0,
      `warning migrations: the next start applies ${last.migration_name}; back up the database first`,
    ]);
    const rest = `checksum, finished_at, logs, rolled_back_at, started_at, applied_steps_count`;
    const insert = (name: string) =>
      change(`insert into _prisma_migrations (id, migration_name, ${rest})
        select gen_random_uuid(), '${name}', ${rest} from _prisma_migrations limit 1`);
    await insert(last.migration_name);
    await insert('29990101000000_future');
    const { code, faults } = await diagnose();
    expect([code, faults[0]]).toEqual([1, expect.stringContaining('this version does not know 29990101000000_future; start the version')]);
    await change(`delete from _prisma_migrations where migration_name = '29990101000000_future'`);
  });

  it('reports keys that are not those in use, that are unreadable, and that are old', async () => {
    const others = await generateKeys();
    const { faults } = await diagnose(others);
    expect(faults.filter((fault) => fault.includes(' keys: '))).toEqual([
      'problem keys: ENCRYPTION_KEYS: does not contain the key that is in use; give this server the keys of the others',
      'problem keys: JWT_KEYS: does not contain the key that is in use; give this server the keys of the others',
    ]);
    const damaged = await diagnose({ ENCRYPTION_KEYS: JSON.stringify([Buffer.alloc(32).toString('base64')]) });
    expect(damaged.faults[0]).toContain('problem keys: Setting ENCRYPTION_KEYS: must be a JSON array');
    await change(`update "KeyInUse" set "changedAt" = now() - interval '91 days'`);
    expect((await diagnose()).faults[0]).toMatch(/^warning keys: the signing key \S+ is 91 days old; replace it/);
    expect(await admin(['rotate-keys', '--now'])).toMatchObject({ code: 0 });
    expect((await diagnose()).faults.filter((fault) => fault.includes(' keys: '))).toEqual([]);
    const rotated = await diagnose({ ENCRYPTION_KEYS: others.ENCRYPTION_KEYS });
    expect(rotated.faults).toContainEqual(expect.stringMatching(/^problem keys: ENCRYPTION_KEYS: no entry decrypts the signing key/));
  });

  it('reports a server at PUBLIC_URL that has other keys or rejects its host', async () => {
    const other = await tempEnvironment();
    const start = (changes: Record<string, string> = {}) => startServerProcess({ ...other.environment, PORT: String(port), ...changes });
    const wrong = await start();
    expect((await diagnose()).faults).toEqual([expect.stringContaining('has other signing keys than this database')]);
    await wrong.stop();
    const strict = await start({ ALLOWED_HOSTS: 'id.example.com' });
    expect((await diagnose()).faults).toEqual([expect.stringMatching(/^problem PUBLIC_URL: .*the proxy must forward the header Host/)]);
    await strict.stop();
    await other.cleanUp();
  });

  it('reports waiting and failed emails, a mail outage, failed jobs and an audit that is not chained', async () => {
    await change(`insert into "OutboxEmail" (template, "emailKey", "createdAt", "completedAt", outcome) values
      ('welcome', 'x@example.com', now() - interval '1 hour', null, null), ('welcome', 'x@example.com', now(), now(), 'failed')`);
    await change(`insert into "AuditQueue" (at, "eventId") values (now() - interval '30 min', gen_random_uuid())`);
    // A server creates the rows a second after its start, so they may not exist yet.
    await change(`insert into "Job" (name, "dueAt", error)
      values ('purge-rate-limits', now(), 'a reason'), ('purge-read-receipts', now() - interval '2 hours', null)
      on conflict (name) do update set "dueAt" = excluded."dueAt", error = excluded.error`);
    const { code, faults } = await diagnose();
    expect(code).toBe(0);
    expect(faults).toEqual([
      expect.stringMatching(/^warning audit: \d+ events are not in the hash chain, the oldest for 30 minutes/),
      expect.stringContaining('warning outbox: 1 emails have waited for more than 10 minutes'),
      expect.stringContaining('warning outbox: in the last 24 hours 1 emails failed and 0 were rejected'),
      'warning jobs: purge-rate-limits failed: a reason',
      expect.stringContaining('warning jobs: purge-read-receipts should have run more than an hour ago'),
      expect.stringContaining('warning PUBLIC_URL'),
    ]);
    await change(`insert into "MailOutage" (id, code, "probeAt") values (1, 'ECONNECTION', now())`);
    expect((await diagnose()).faults).toContainEqual(
      expect.stringMatching(/^problem outbox: the mail server has accepted no email since .* \(ECONNECTION\); 1 emails are waiting/),
    );
  });

  it('reports a clock that is off', async () => {
    const shift = `const now = Date.now.bind(Date); Date.now = () => now() - 30000;`;
    const { faults } = await diagnose({ NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(shift)}` });
    expect(faults[0]).toContain('problem clock: this machine is 30 seconds behind the database');
  });

  it('reports a pool that is larger than the database allows, a role that lacks privileges and a missing default role', async () => {
    expect((await diagnose({ DATABASE_POOL: '200' })).faults).toEqual(
      expect.arrayContaining([expect.stringMatching(/^problem connections: .* a server takes up to 201; lower DATABASE_POOL/)]),
    );
    const role = `fieldgate_doctor_${process.pid}`;
    await change(`create role ${role} login password 'secret'; grant usage on schema public to ${role};
      grant select on all tables in schema public to ${role}`);
    const url = Object.assign(new URL(environment.DATABASE_URL ?? ''), { username: role, password: 'secret' }).href;
    const { faults } = await diagnose({ DATABASE_URL: url, DEFAULT_ROLE: 'MEMBER' });
    expect(faults).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^problem rights: the user of the database lacks privileges on AuditEvent, .*User/),
        'problem accounts: DEFAULT_ROLE: no role is named MEMBER, so no user can be created; create it',
      ]),
    );
    await change(`drop owned by ${role}; drop role ${role}`);
  });

  it('reports that Redis cannot be used', async () => {
    expect((await diagnose({ REDIS_URL: 'redis://:secret@127.0.0.1:1' })).faults).toContainEqual(
      expect.stringMatching(/^warning Redis: REDIS_URL: Redis cannot be used: nothing listens there/),
    );
  });
});

describe('the admin command doctor on the embedded database', { timeout: 120_000 }, () => {
  const embedded = {
    DATA_DIR: join(folder, 'embedded'),
    DATABASE_URL: '',
    NODE_ENV: 'development',
    JWT_KEYS: '',
    ENCRYPTION_KEYS: '',
    SMTP_URL: '',
  };

  it('checks the folder before the first start, beside a server, and without one', async () => {
    const before = await diagnose(embedded);
    expect([before.code, before.faults]).toEqual([0, [expect.stringContaining('warning PUBLIC_URL')]]);
    expect(before.checks).toContainEqual({ check: 'database', status: 'ok', message: 'embedded; the first start creates it' });
    await using server = await startServerProcess({ ...settings, ...embedded });
    const beside = await diagnose(embedded);
    expect(beside.checks).toContainEqual({ check: 'database', status: 'ok', message: 'embedded; a server has it open' });
    expect(beside.checks).toContainEqual(expect.objectContaining({ message: expect.stringContaining('with the keys of this database') }));
    expect(beside.faults).toEqual([expect.stringContaining('problem accounts: there is no superadmin')]);
    await server.stop();
    const after = await diagnose(embedded);
    expect(after.checks).toContainEqual({ check: 'database', status: 'ok', message: 'embedded; no server has it open' });
    expect(after.checks).toContainEqual({ check: 'migrations', status: 'ok', message: 'all are applied' });
  });

  it('warns about a folder and reports keys that other users of the machine may read', async () => {
    const open = join(folder, 'open');
    await mkdir(open, { mode: 0o755 });
    expect((await diagnose({ ...embedded, DATA_DIR: open })).faults[0]).toContain(
      'warning data folder: other users of this machine may read',
    );
  });

  it('prints the usage with exit code 2 when its arguments are invalid', async () => {
    expect(await admin(['doctor', 'now'])).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Usage:') });
  });
});
