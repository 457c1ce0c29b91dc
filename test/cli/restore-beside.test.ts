import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { migrationLock } from '../../src/database/database.ts';
import { generateKeys } from '../../src/identity/keys/configured-keys.ts';
import { isInstalled, startPgBouncer } from '../server/pgbouncer.ts';
import { isEmbedded } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';
import { runCommand, spawnProcess, startServerProcess, tempEnvironment } from './process.ts';
import { user } from './sessions.ts';

const { environment, folder, cleanUp } = await tempEnvironment();
const settings = { ...environment, ...(await generateKeys()) };
const file = join(folder, 'backup.dump');
const roles = { owner: `fieldgate_owner_${process.pid}`, second: `fieldgate_second_${process.pid}` };

const admin = (words: string[], changes: Record<string, string> = {}) =>
  runCommand(['scripts/admin.ts', ...words], { ...settings, ...changes });

async function execute(...statements: string[]) {
  const client = new pg.Client({ connectionString: environment.DATABASE_URL, application_name: 'test' });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

const urlOf = (role: string) => Object.assign(new URL(environment.DATABASE_URL ?? ''), { username: role, password: role }).href;

/** Forwards connections to the database, until they are cut off and again when they are let through. */
async function openForwarder(url: string) {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(Number(port || 5432), hostname);
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
    near.pipe(far).pipe(near);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: Object.assign(new URL(url), { hostname: '127.0.0.1', port: String((server.address() as AddressInfo).port) }).href,
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
    mend() {
      isCut = false;
    },
    close() {
      this.cut();
      server.close();
    },
  };
}

/** Kills a restore once the backup is in the database and its access has not been ended. */
async function killRestoreAfterLoad() {
  const holder = new pg.Client({ connectionString: urlOf(roles.second) });
  await holder.connect();
  const { child, ended, output } = spawnProcess(process.execPath, ['scripts/admin.ts', 'restore', file, '--replace'], settings);
  const isLocked = `select from pg_locks where locktype = 'advisory' and objid = ${migrationLock}
    and database = (select oid from pg_database where datname = current_database())`;
  await waitUntil(async () => child.exitCode !== null || ((await holder.query(isLocked)).rowCount ?? 0) > 0);
  await holder.query(`select pg_advisory_lock(${migrationLock})`); // waits until the backup is in the database
  expect([child.exitCode, output.err]).toEqual([null, '']);
  child.kill('SIGKILL');
  await ended;
  await holder.end();
}

describe.skipIf(isEmbedded)('a restore', { timeout: 120_000 }, () => {
  const ada = user('ada@example.com');
  let live: Awaited<ReturnType<typeof ada.register>>;

  beforeAll(async () => {
    await using server = await startServerProcess(settings);
    live = await ada.register(server.url);
    await server.stop();
    for (const role of Object.values(roles)) await execute(`create role ${role} login password '${role}'`);
    expect(await admin(['backup', file])).toMatchObject({ code: 0 });
  }, 90_000);
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });
  afterAll(async () => {
    if (!isEmbedded) await execute(...Object.values(roles).map((role) => `drop owned by ${role} cascade; drop role ${role}`));
    await cleanUp();
  });

  // Before any restore, which creates a key that signs.
  it('and --verify reject other JWT_KEYS while the key that replaces them does not sign yet', async () => {
    expect(await admin(['rotate-keys'])).toMatchObject({ code: 0 });
    const published = join(folder, 'published.dump');
    expect(await admin(['backup', published])).toMatchObject({ code: 0 });
    const { JWT_KEYS } = await generateKeys();
    for (const words of [
      ['backup', '--verify', published],
      ['restore', published, '--replace'],
    ])
      expect(await admin(words, { JWT_KEYS })).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^Setting JWT_KEYS: does not contain the key with which/),
      });
  });

  it('by the owner is rejected beside a server that connects as the second role', async () => {
    await execute(`grant create, usage on schema public to ${roles.owner}`);
    const client = new pg.Client({ connectionString: urlOf(roles.second), application_name: 'fieldgate' });
    await client.connect();
    ends.push(() => client.end());
    for (const DATABASE_URL of [environment.DATABASE_URL ?? '', urlOf(roles.owner)]) {
      expect(await admin(['restore', file, '--replace'], { DATABASE_URL })).toMatchObject({
        code: 1,
        err: 'Other connections use the database (fieldgate). Stop all servers, commands and poolers first.\n',
      });
    }
  });

  it('by the owner is rejected beside a connection with another name of the user of DATABASE_URL', async () => {
    const client = new pg.Client({ connectionString: urlOf(roles.second), application_name: 'accounts' });
    await client.connect();
    ends.push(() => client.end());
    const changes = { DATABASE_URL: urlOf(roles.second), DATABASE_DIRECT_URL: urlOf(roles.owner) };
    expect(await admin(['restore', file, '--replace'], changes)).toMatchObject({
      code: 1,
      err: 'Other connections use the database (accounts). Stop all servers, commands and poolers first.\n',
    });
  });

  it('gives a second role the privileges of the backup, despite default privileges', async () => {
    const { second } = roles;
    const tables = '"AuditChain", "AuditAnchor", "AuditQueue", _prisma_migrations';
    const acls = `select relname, relacl::text[] from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'S')
      union all select defaclobjtype::text, defaclacl::text[] from pg_default_acl order by 1`;
    await execute(
      `grant usage on schema public to ${second}`,
      `grant select, insert, update, delete on all tables in schema public to ${second}`,
      `alter default privileges in schema public grant select, insert, update, delete on tables to ${second}`,
      `alter default privileges grant usage, select, update on sequences to ${second}`,
      `revoke update, delete on "AuditEvent" from ${second}`,
      `revoke insert, update, delete on ${tables} from ${second}`,
    );
    const read = async () => {
      const client = new pg.Client({ connectionString: environment.DATABASE_URL, application_name: 'test' });
      await client.connect();
      const { rows } = await client.query<{ relname: string; relacl: string[] | null }>(acls);
      await client.end();
      return rows.map(({ relname, relacl }) => [relname, relacl?.sort()]);
    };
    const before = await read();
    const granted = join(folder, 'granted.dump');
    expect(await admin(['backup', granted])).toMatchObject({ code: 0 });
    expect(await admin(['restore', granted, '--replace'])).toMatchObject({ code: 0, err: '' });
    expect(await read()).toEqual(before);
    await execute(`drop owned by ${second}`);
  });

  it.skipIf(!isInstalled)('needs no pooler', async () => {
    const pooler = await startPgBouncer(environment.DATABASE_URL ?? '', 'transaction');
    await pooler.stop();
    const changes = {
      DATABASE_URL: pooler.url,
      DATABASE_DIRECT_URL: environment.DATABASE_URL ?? '',
      DATABASE_POOLER: 'transaction',
    };
    expect(await admin(['restore', file, '--replace'], changes)).toMatchObject({ code: 0, err: '' });
  });

  /** Puts a script before the programs of PostgreSQL. */
  async function pathWith(program: string, script: string) {
    const tools = await mkdtemp(join(folder, 'tools-'));
    await writeFile(join(tools, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return { PATH: `${tools}:${process.env.PATH}` };
  }

  it('succeeds with a pg_restore whose settings an older server does not know', async () => {
    const script = `echo 'SET transaction_timeout = 0;'\nPATH='${process.env.PATH}' exec pg_restore "$@"`;
    expect(await admin(['restore', file, '--replace'], await pathWith('pg_restore', script))).toMatchObject({ code: 0, err: '' });
  });

  it.each(['true', '1'])('and a backup verify the certificate of the database if the URL has ssl=%s', async (ssl) => {
    const url = new URL(environment.DATABASE_URL ?? '');
    url.searchParams.set('ssl', ssl);
    const changes = { DATABASE_URL: url.href, ...(await pathWith('pg_dump', 'echo "pg_dump: error: mode $PGSSLMODE" >&2; exit 1')) };
    expect((await admin(['backup', join(folder, 'tls.dump')], changes)).err).toBe('pg_dump failed: mode verify-full\n');
  });

  it.each(isInstalled ? ['', 'transaction'] : [''])(
    'that was killed after the load keeps a server that was cut off and reconnects unavailable, until it is repeated (pooler: "%s")',
    async (DATABASE_POOLER) => {
      const pooler = DATABASE_POOLER ? await startPgBouncer(environment.DATABASE_URL ?? '', 'transaction') : undefined;
      const [main, direct] = [
        await openForwarder(pooler?.url ?? environment.DATABASE_URL ?? ''),
        await openForwarder(environment.DATABASE_URL ?? ''),
      ];
      ends.push(main.close.bind(main), direct.close.bind(direct));
      const poolerSettings: Record<string, string> = pooler ? { DATABASE_POOLER, DATABASE_DIRECT_URL: direct.url } : {};
      await using server = await startServerProcess({ ...settings, DATABASE_URL: main.url, ...poolerSettings });
      const isReady = async () => (await fetch(`${server.url}/health/ready`)).status === 200;
      expect(await isReady()).toBe(true);
      for (const forwarder of [main, direct]) forwarder.cut();
      await pooler?.stop();
      await killRestoreAfterLoad();
      const again = pooler && (await startPgBouncer(environment.DATABASE_URL ?? '', 'transaction', 4, Number(new URL(pooler.url).port)));
      if (again) ends.push(again.stop);
      for (const forwarder of [main, direct]) forwarder.mend();
      await waitUntil(async () => {
        expect(await ada.refresh(server.url, live)).toBe('UNAVAILABLE');
        return server.output.out.includes('while a restore is unfinished');
      });
      expect(await isReady()).toBe(false);
      for (const forwarder of [main, direct]) forwarder.cut();
      await again?.stop();
      if (again) ends.splice(ends.indexOf(again.stop), 1);
      expect(await admin(['restore', file, '--replace'])).toMatchObject({ code: 0, err: '' });
      for (const forwarder of [main, direct]) forwarder.mend();
      if (pooler) {
        const last = await startPgBouncer(environment.DATABASE_URL ?? '', 'transaction', 4, Number(new URL(pooler.url).port));
        ends.push(last.stop);
      }
      await waitUntil(isReady);
      expect(await ada.refresh(server.url, live)).not.toMatch(/^(ok|UNAVAILABLE)$/);
    },
  );
});
