import { execFile } from 'node:child_process';
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrationLock } from '../../src/database/database.ts';
import { generateKeys } from '../../src/identity/keys/configured-keys.ts';
import { isEmbedded } from '../test-database.ts';
import { runCommand, spawnProcess, startServerProcess, tempEnvironment } from './process.ts';
import { use, user } from './sessions.ts';

const { environment, folder, cleanUp } = await tempEnvironment();
afterAll(async () => {
  await cleanUp();
  if (isEmbedded) return;
  const client = new pg.Client({ connectionString: new URL('/postgres', environment.DATABASE_URL).href });
  await client.connect();
  await client.query(`drop role if exists ${otherRole}`);
  await client.end();
});
const settings = { ...environment, ...(await generateKeys()) };
const file = join(folder, 'backup.dump');

const admin = (words: string[], changes: Record<string, string> = {}) =>
  runCommand(['scripts/admin.ts', ...words], { ...settings, ...changes });
const start = () => startServerProcess(settings);

const otherRole = `fieldgate_other_${process.pid}`;

/** A connection that no restore takes for a server. */
async function connectAsOther() {
  const url = new URL(environment.DATABASE_URL ?? '');
  const owner = new pg.Client({ connectionString: url.href });
  await owner.connect();
  await owner.query(`do $$ begin create role ${otherRole} login superuser password 'secret'; exception when duplicate_object then end $$`);
  await owner.end();
  const client = new pg.Client({ connectionString: Object.assign(url, { username: otherRole, password: 'secret' }).href });
  await client.connect();
  return client;
}

async function change(statement: string) {
  const client = await connectAsOther();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

/** The history of migrations, as Prisma creates it. */
const prismaHistory = `create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz,
  migration_name varchar(255) not null, logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(),
  applied_steps_count integer not null default 0)`;

const emails = async () => (await change('select email from "User" order by email')).map(({ email }) => email);

const isWaiting = async (name: string) =>
  (
    await change(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and application_name = '${name}'`,
    )
  ).length > 0;

/** Starts a restore and kills it once a connection of this name waits for a lock that `holder` has, or it has ended. */
async function killRestore(holder: pg.Client, name: string, hold: () => Promise<unknown>) {
  const { child, ended, output } = spawnProcess(process.execPath, ['scripts/admin.ts', 'restore', file, '--replace'], settings);
  try {
    await hold();
    while (child.exitCode === null && !(await isWaiting(name))) await new Promise((resolve) => setTimeout(resolve, 20));
    expect([child.exitCode, output.err]).toEqual([null, '']);
    child.kill('SIGKILL');
    await ended;
  } finally {
    await holder.end();
  }
}

/** The restore holds this lock until the backup is in the database, and then waits for it to migrate. */
const isLocked = `select from pg_locks where locktype = 'advisory' and objid = ${migrationLock}
  and database = (select oid from pg_database where datname = current_database())`;

describe.skipIf(isEmbedded)('the admin commands backup and restore on PostgreSQL', { timeout: 180_000 }, () => {
  const [ada, bob] = [user('ada@example.com'), user('bob@example.com')];
  let before: Awaited<ReturnType<typeof prepare>>;

  async function prepare(url: string) {
    const live = await ada.register(url);
    await change('update "User" set "emailConfirmedAt" = now()');
    const ended = (await ada.logIn(url)) as typeof live;
    expect(await ada.logOut(url, ended)).toBe('ok');
    return { live, ended, apiToken: await ada.createApiToken(url, live) };
  }

  beforeAll(async () => {
    await using server = await start();
    before = await prepare(server.url);
  }, 60_000);

  it('back up into a file that only its owner can read, beside a server, and replace no file without --overwrite', async () => {
    await using _ = await start();
    const made = await admin(['backup', file]);
    expect(made).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringMatching(/^Wrote .*backup\.dump \(\d+ kB\)\. Restoring it needs JWT_KEYS/),
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await admin(['backup', file])).toMatchObject({ code: 1, err: expect.stringMatching(/backup\.dump exists already/) });
    expect(await admin(['backup', file, '--overwrite'])).toMatchObject({ code: 0 });
    expect((await readdir(folder)).filter((name) => name.endsWith('.partial'))).toEqual([]);
    expect(await admin(['backup', '--verify', file])).toMatchObject({ code: 0, out: expect.stringContaining('can be restored') });
  });

  it('reject a restore while servers run, and into a database that is not empty', async () => {
    await using server = await start();
    expect(await admin(['restore', file, '--replace'])).toMatchObject({
      code: 1,
      err: 'Other connections use the database (fieldgate). Stop all servers, commands and poolers first.\n',
    });
    await server.stop();
    expect(await admin(['restore', file])).toMatchObject({ code: 1, err: expect.stringContaining('The database is not empty.') });
  });

  it('restore users and end every access of the backup', async () => {
    const server = await start();
    await bob.register(server.url);
    expect(await ada.logOut(server.url, before.live)).toBe('ok');
    await server.stop();
    expect(await emails()).toEqual(['ada@example.com', 'bob@example.com']);
    const restored = await admin(['restore', file, '--replace']);
    expect(restored).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^Revoked 1 sessions and 1 API tokens\./) });
    await using again = await start();
    const { url } = again;
    expect(await ada.logIn(url)).toMatchObject({ accessToken: expect.any(String) });
    expect(await bob.logIn(url)).toBe('INVALID_CREDENTIALS');
    for (const { accessToken } of [before.live, before.ended]) expect(await use(url, accessToken)).toBe('INVALID_TOKEN');
    for (const session of [before.live, before.ended]) expect(await ada.refresh(url, session)).not.toBe('ok');
    expect(await use(url, before.apiToken)).toBe('TOKEN_REVOKED');
    expect(await change(`select from "AuditEvent" where action = 'sys_database_restored'`)).toHaveLength(1);
  });

  it('reject a file that is no usable backup with one sentence, and change nothing', async () => {
    const text = join(folder, 'text.dump');
    await writeFile(text, 'select 1;');
    const cut = join(folder, 'cut.dump');
    await writeFile(cut, await readFile(file));
    await truncate(cut, (await stat(file)).size - 2_000);
    const archive = join(folder, 'embedded.tar.gz');
    await writeFile(archive, Buffer.from([0x1f, 0x8b, 8, 0]));
    const other = join(folder, 'other.dump');
    await promisify(execFile)('pg_dump', ['--format=custom', `--file=${other}`, new URL('/postgres', environment.DATABASE_URL).href]);
    for (const [name, message] of [
      [text, /^.*text\.dump is not a backup of Fieldgate: .*\n$/],
      [cut, /^pg_restore failed: .*\n$/],
      [archive, /^The backup is of an embedded database\. Unset DATABASE_URL to restore it\.\n$/],
      [other, /^The backup does not contain a database of Fieldgate\.\n$/],
      [join(folder, 'missing.dump'), /^.*missing\.dump does not exist, or its folder does not\.\n$/],
    ] as const) {
      expect(await admin(['restore', name, '--replace'])).toMatchObject({ code: 1, out: '', err: expect.stringMatching(message) });
      expect(await admin(['backup', '--verify', name])).toMatchObject({ code: 1, out: '' });
    }
    expect(await emails()).toEqual(['ada@example.com']);
  });

  it('reject other keys with one sentence, unless those of the backup are lost', async () => {
    const others = await generateKeys();
    const rejected = await admin(['restore', file, '--replace'], others);
    expect(rejected).toMatchObject({ code: 1, err: expect.stringMatching(/^Setting ENCRYPTION_KEYS: does not contain the key .*\n$/) });
    expect(await admin(['backup', '--verify', file], others)).toMatchObject({ code: 1, err: rejected.err });
    expect(await admin(['restore', file, '--replace', '--accept-keys'], others)).toMatchObject({ code: 0 });
    await using server = await startServerProcess({ ...settings, ...others });
    expect(await ada.logIn(server.url)).toMatchObject({ accessToken: expect.any(String) });
    await server.stop();
    expect(await admin(['restore', file, '--replace'])).toMatchObject({ code: 0 });
  });

  it('leave the database as it was when the process is killed while it loads the backup', async () => {
    await using server = await start();
    await bob.register(server.url);
    await server.stop();
    const holder = await connectAsOther();
    // The tables have been deleted in the transaction, and the first one of the backup is created.
    await holder.query(`create schema held; create function held.wait() returns event_trigger language plpgsql as
      'begin perform pg_advisory_xact_lock(1); end'; create event trigger held on ddl_command_end when tag in ('CREATE TABLE')
      execute function held.wait(); select pg_advisory_lock(1)`);
    await killRestore(holder, 'fieldgate command', async () => {});
    await change('drop schema held cascade');
    await using again = await start();
    expect(await bob.logIn(again.url)).toMatchObject({ accessToken: expect.any(String) });
  });

  it('keep servers from starting when the process is killed before the access has been ended, until the restore is repeated', async () => {
    const holder = await connectAsOther();
    await killRestore(holder, 'fieldgate', async () => {
      while ((await holder.query(isLocked)).rowCount === 0);
      await holder.query(`select pg_advisory_lock(${migrationLock})`);
    });
    await expect(start()).rejects.toThrow('the access that it contains was not ended. Restore it again with');
    expect(await admin(['doctor'])).toMatchObject({ code: 1, out: expect.stringMatching(/^problem +migrations +A backup was restored/m) });
    expect(await admin(['restored'])).toMatchObject({ code: 1, err: expect.stringContaining('Restore it again') });
    expect(await admin(['restore', file, '--replace'])).toMatchObject({ code: 0 });
    await using server = await start();
    expect(await ada.logIn(server.url)).toMatchObject({ accessToken: expect.any(String) });
    expect(await use(server.url, before.live.accessToken)).toBe('INVALID_TOKEN');
  });

  it('migrate an older backup, and reject one of a newer version', async () => {
    const client = await connectAsOther();
    const names = (await readdir('prisma/migrations')).filter((name) => /^\d/.test(name)).sort();
    await client.query('drop schema public cascade; create schema public');
    await client.query(prismaHistory);
    for (const name of names.slice(0, -1)) {
      await client.query(await readFile(`prisma/migrations/${name}/migration.sql`, 'utf8'));
      await client.query(
        `insert into _prisma_migrations (id, checksum, migration_name, finished_at) values (gen_random_uuid(), '', '${name}', now())`,
      );
    }
    const old = join(folder, 'old.dump');
    const verified = async (name: string) => (await admin(['backup', '--verify', name])).out;
    expect(await admin(['backup', old])).toMatchObject({ code: 0 });
    expect(await verified(old)).toContain('1 fewer than this version; restoring it applies them');
    expect((await client.query('select from _prisma_migrations')).rowCount).toBe(names.length - 1);
    expect(await admin(['restore', old, '--replace'])).toMatchObject({ code: 0 });
    expect((await client.query('select from _prisma_migrations')).rowCount).toBe(names.length);
    await client.query(`update _prisma_migrations set migration_name = '29990101000000_future' where migration_name = '${names.at(-1)}'`);
    const future = join(folder, 'future.dump');
    await promisify(execFile)('pg_dump', ['--format=custom', `--file=${future}`, environment.DATABASE_URL ?? '']);
    expect(await admin(['restore', future, '--replace'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^The backup has the migration 29990101000000_future, which this version does not know\. .*\n$/),
    });
    await client.end();
  });

  it('say in one sentence that the programs of PostgreSQL are missing', async () => {
    expect(await admin(['backup', join(folder, 'none.dump')], { PATH: '/nowhere' })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^pg_dump was not found\. Install the client programs of PostgreSQL.*\n$/),
    });
    expect(await readdir(folder)).not.toContain('none.dump.partial');
  });

  it('restore into an empty database, and not into one with tables of another program', async () => {
    const empty = await tempEnvironment();
    const client = new pg.Client({ connectionString: empty.environment.DATABASE_URL });
    await client.connect();
    await client.query('drop schema public cascade; create schema public; create table "Other" ()');
    await client.end();
    const target = { DATABASE_URL: empty.environment.DATABASE_URL ?? '' };
    expect(await admin(['restore', file, '--replace'], target)).toMatchObject({
      code: 1,
      err: expect.stringContaining('tables that Fieldgate did not create'),
    });
    const again = new pg.Client({ connectionString: empty.environment.DATABASE_URL });
    await again.connect();
    await again.query('drop table "Other"');
    await again.end();
    expect(await admin(['restore', file], target)).toMatchObject({ code: 0 });
    await using server = await startServerProcess({ ...settings, ...target });
    expect(await ada.logIn(server.url)).toMatchObject({ accessToken: expect.any(String) });
    await server.stop();
    await empty.cleanUp();
  });
});
