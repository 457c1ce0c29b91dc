import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { inspectDatabase, runCommand } from '../cli/process.ts';
import { logIn, refresh, register, startNode } from '../cluster/nodes.ts';
import { isEmbedded } from '../test-database.ts';
import { waitUntil } from '../test-server.ts';
import { follow } from '../token/revocation-stream.ts';
import { databaseWith, type Environment, execute, withRole } from './operator-settings.ts';
import { isInstalled, startPgBouncer } from './pgbouncer.ts';

if (!isInstalled && !isEmbedded) {
  if (process.env.CI) throw new Error('There is no PgBouncer: install one.');
  console.warn('\n!!! NO PGBOUNCER WAS FOUND: the server was not tested behind a pooler.\n');
}

/** A database, also through PgBouncer. */
async function pooledDatabase(mode: 'session' | 'transaction' | 'statement', environment?: Environment) {
  const { DATABASE_URL: direct = '', ...others } = environment ?? (await databaseWith());
  const pooler = await startPgBouncer(direct, mode);
  onTestFinished(pooler.stop);
  return { direct, pooled: pooler.url, others };
}

/** Forwards connections to a database until it is cut. */
async function openForwarder(url: string) {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port || 5432), hostname);
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
    near.pipe(far).pipe(near);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const cut = async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: Object.assign(new URL(url), { port: String((server.address() as AddressInfo).port) }).href, cut };
}

const declared = ({ direct, pooled, others }: Awaited<ReturnType<typeof pooledDatabase>>): Environment => ({
  ...others,
  DATABASE_URL: pooled,
  DATABASE_DIRECT_URL: direct,
  DATABASE_POOLER: 'transaction',
});

/** Values of session settings that would break the server. */
const hostile = {
  TimeZone: "'Asia/Kolkata'",
  DateStyle: 'German',
  search_path: 'elsewhere',
  statement_timeout: '4000',
  idle_in_transaction_session_timeout: '4000',
  synchronous_commit: 'off',
  default_transaction_isolation: 'serializable',
  session_replication_role: 'replica',
};
const names = [...Object.keys(hostile), 'transaction_isolation', 'fieldgate.notify'];
const settings = sql`select array(select coalesce(current_setting(name, true), '') from unnest(${names}::text[]) as given(name)) as values`;
const needed = ['UTC', 'ISO, MDY', 'public', '5s', '10s', 'on', 'read committed', 'origin', 'read committed', 'on'];

const needs = isInstalled ? 'needs a PostgreSQL server' : 'skipped: PgBouncer is not installed';

describe.skipIf(isEmbedded || !isInstalled)(`a server behind a pooler in transaction mode (${needs})`, { timeout: 60_000 }, () => {
  it('migrates an empty database, serves concurrent requests and streams revocations', async () => {
    const database = await pooledDatabase('transaction');
    await execute(database.direct, 'drop schema public cascade; create schema public');
    const node = await startNode({ ...declared(database), TRUSTED_PROXIES: '1' });
    const alice = await register(node);
    const watching = await logIn(node, alice);
    const stream = await follow(node, watching.accessToken);
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(node, alice.refreshToken)));
    const successors = new Set(answers.map(({ data, code }) => code ?? data.refresh.refreshToken));
    expect([...successors]).toEqual([expect.stringMatching(/^\S{20,}$/)]);
    const keys = Array.from({ length: 5 }, (_, index) => `key${index}`);
    const set = (key: string) =>
      node.query(`mutation { setSetting(input: { key: "${key}", value: "x" }) { __typename } }`, {}, { token: watching.accessToken });
    expect((await Promise.all(keys.map(set))).map(({ code }) => code).filter(Boolean)).toEqual([]);
    const { code } = await node.query('mutation { logout { ended } }', {}, { token: answers[0]?.data.refresh.accessToken });
    expect(code).toBeUndefined();
    await waitUntil(() => stream.sids.includes(alice.sid));
    stream.leave();
    await node.kill();
  });

  it('has the settings that it relies on in every statement and transaction, whatever the session says, and leaves them unchanged', async () => {
    const database = await pooledDatabase('transaction', await withRole(await databaseWith(), hostile));
    const before = await inspectSession(database.pooled);
    await inspectDatabase(declared(database), async ({ prisma, query }) => {
      const found = await Promise.all([
        ...Array.from({ length: 5 }, () => query(settings)),
        ...Array.from({ length: 5 }, () => prisma.$queryRaw(settings)),
        ...Array.from({ length: 5 }, () => prisma.$transaction((tx) => tx.$queryRaw(settings))),
      ]);
      expect(found).toEqual(Array.from({ length: 15 }, () => [{ values: needed }]));
      expect(await inspectSession(database.pooled)).toEqual(before);
    });
  });

  it('continues after statements that fail, also when the database ends its sessions', async () => {
    const database = await pooledDatabase('transaction');
    await inspectDatabase({ ...declared(database), DATABASE_POOL: '2' }, async ({ prisma, query }) => {
      for (const [fault, cause] of [
        [sql`select 1/0`, /division by zero/],
        [sql`select pg_terminate_backend(pg_backend_pid())`, /./],
      ] as const) {
        for (let round = 0; round < 4; round += 1) {
          await expect(query(fault)).rejects.toThrow(cause);
          await expect(prisma.$transaction((tx) => tx.$queryRaw(fault))).rejects.toThrow(cause);
        }
        await waitUntil(async () => (await query(sql`select 1 as one`).catch(() => [])).length === 1);
        expect(await prisma.role.count()).toBe(3);
      }
    });
  });
});

/** The settings of a session as another client of the pooler finds them. */
const inspectSession = async (url: string) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return (await client.query(settings.text, settings.values).finally(() => client.end())).rows;
};

describe.skipIf(isEmbedded || !isInstalled)(`a pooler (${needs})`, { timeout: 60_000 }, () => {
  const rejected: { readonly name: string; environment(): Promise<Environment>; readonly sentence: string }[] = [
    {
      name: 'in transaction mode that is not declared',
      environment: async () => ({ DATABASE_URL: (await pooledDatabase('transaction')).pooled }),
      sentence:
        'Setting DATABASE_URL: connections go through a pooler in transaction mode; set DATABASE_POOLER=transaction and DATABASE_DIRECT_URL',
    },
    {
      name: 'in transaction mode that is declared to be in session mode',
      environment: async () => ({ DATABASE_URL: (await pooledDatabase('transaction')).pooled, DATABASE_POOLER: 'session' }),
      sentence:
        'Setting DATABASE_URL: connections go through a pooler in transaction mode; set DATABASE_POOLER=transaction and DATABASE_DIRECT_URL',
    },
    {
      name: 'in session mode that is not declared',
      environment: async () => ({ DATABASE_URL: (await pooledDatabase('session')).pooled }),
      sentence: 'Setting DATABASE_URL: connections go through a pooler; set DATABASE_POOLER to its mode, session or transaction',
    },
    {
      name: 'in transaction mode that DATABASE_DIRECT_URL names too',
      environment: async () => {
        const database = await pooledDatabase('transaction');
        return { ...declared(database), DATABASE_DIRECT_URL: database.pooled };
      },
      sentence: 'Setting DATABASE_DIRECT_URL: connections go through a pooler in transaction mode; name the database itself',
    },
    {
      name: 'of another database than that of DATABASE_DIRECT_URL',
      environment: async () => ({
        ...declared(await pooledDatabase('transaction')),
        DATABASE_DIRECT_URL: (await databaseWith()).DATABASE_URL ?? '',
      }),
      sentence: 'Setting DATABASE_DIRECT_URL: must lead to the same database as DATABASE_URL',
    },
    {
      name: 'whose PostgreSQL does not run',
      environment: async () => {
        const { DATABASE_URL: direct = '' } = await databaseWith();
        const { url, cut } = await openForwarder(direct);
        const { pooled } = await pooledDatabase('transaction', { DATABASE_URL: url });
        await cut();
        const client = new pg.Client({ connectionString: pooled }).on('error', () => {});
        await client.connect().catch(() => {}); // the pooler notices it
        return declared({ direct, pooled, others: {} });
      },
      sentence:
        'Setting DATABASE_URL: the connection pooler has no connection to the database, which may be down or reject its user; or its pool is too small',
    },
    {
      name: 'in statement mode',
      environment: async () => declared(await pooledDatabase('statement')),
      sentence:
        'Setting DATABASE_URL: a transaction cannot have the settings that the server needs: transaction blocks not allowed in statement pooling mode',
    },
    {
      name: 'that rejects a parameter of the connection',
      environment: async () => {
        const database = declared(await pooledDatabase('transaction'));
        return { ...database, DATABASE_URL: `${database.DATABASE_URL}?options=-c%20work_mem=12MB` };
      },
      sentence:
        'Setting DATABASE_URL: the connection pooler rejects the connection: it may not know the user or the database, or a parameter such as `options`',
    },
  ];
  for (const { name, environment, sentence } of rejected) {
    it(`${name} stops the process with the cause and the remedy`, async () => {
      const { code, out, err } = await runCommand(['src/server/main.ts'], await environment());
      expect([code, out, err]).toEqual([1, '', `${sentence}\n`]);
    });
  }

  it('in session mode that is declared is used', async () => {
    const { pooled } = await pooledDatabase('session');
    const environment = { DATABASE_URL: pooled, DATABASE_POOLER: 'session', DATABASE_POOL: '2' };
    // The pooler has four sessions, which the server keeps.
    expect(await inspectDatabase(environment, ({ query }) => query(settings))).toEqual([{ values: needed }]);
  });
});
