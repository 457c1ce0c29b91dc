import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import type { Config } from '../config.ts';
import type { Logger } from '../lib/logger.ts';
import { AdmittedPool, admitEmbedded } from './admitted-pool.ts';
import { createEmbeddedAdapterFactory, type EmbeddedPostgres, migrateEmbedded, openEmbeddedPostgres } from './embedded-postgres.ts';
import { Prisma, PrismaClient } from './generated/prisma/client.ts';
import { migrate } from './migrate.ts';
import { nextPause } from './reconnect-pause.ts';
import { retryOnConflict, retryTransactions } from './retry.ts';
import { checkDatabase, migrationLimits, prepareSession, statementLimits } from './session.ts';

/** Tagged template for one statement. Its values are sent as parameters, never as text. */
export const sql = Prisma.sql;
export type Sql = Prisma.Sql;
export type Tx = Prisma.TransactionClient;

/** A duration in milliseconds as an SQL interval. */
export const interval = (milliseconds: number) => sql`${milliseconds}::float8 * interval '1 ms'`;

/** A statement with its values. */
export type Statement = Pick<Sql, 'text' | 'values'> & { readonly name?: string };

/** The database of a process: Prisma for most reads and writes, `query` for the statements of every request. */
export interface Database {
  prisma: PrismaClient;
  /** Runs one statement outside of any transaction, again after a conflict with a concurrent one. Timestamps are returned as Date, JSON is parsed, counts are strings: cast them to int. */
  query<Row>(statement: Statement): Promise<Row[]>;
  /** Calls `onNotify` after each NOTIFY on the channel, and after each (re)connection. A notification is a hint: the tables are the truth. */
  listen(channel: string, onNotify: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** Runs single statements in a Prisma transaction. */
export const onTransaction = (tx: Tx): Pick<Database, 'query'> => ({
  // Prisma takes a statement by its property `sql`, but sends `text`.
  query: ({ text, values }) => tx.$queryRaw({ sql: text, text, values } as Sql),
});

type Limits = typeof statementLimits;

/** The time of the database. A node's own clock may be off (docs/decisions/0045). */
export async function databaseTime({ query }: Pick<Database, 'query'>): Promise<Date> {
  const [{ now }] = (await query<{ now: Date }>(sql`select clock_timestamp() as now`)) as [{ now: Date }];
  return now;
}

/** Opens the configured database and migrates it. Throws an error that says what to do. */
export async function openDatabase(config: Config, log: Logger, limits: Limits = statementLimits): Promise<Database> {
  if (!config.DATABASE_URL) return openEmbeddedDatabase(await openEmbeddedPostgres(config.DATA_DIR));
  const connectionString = withoutSessionParameters(config.DATABASE_URL);
  await migratePostgres(connectionString);
  const pool = createPool(connectionString, config, limits);
  pool.on('error', (error) => log.warn({ error: error.message }, 'a database connection was lost'));
  pool.on('connect', (client) => client.on('error', () => {})); // an idle connection has no other listener for errors
  return createPostgresDatabase(pool, connectionString, log);
}

/** Migrates an open embedded PostgreSQL and serves it. Closing the database closes it. */
export async function openEmbeddedDatabase(embedded: EmbeddedPostgres): Promise<Database> {
  await migrateEmbedded(embedded.pglite);
  const connection = admitEmbedded(embedded.pglite);
  const prisma = retryTransactions(new PrismaClient({ adapter: createEmbeddedAdapterFactory(connection), ...clientOptions }));
  return {
    prisma,
    query: async <Row>(statement: Statement) => (await connection.query<Row>(statement.text, statement.values)).rows,
    listen: (channel, onNotify) => embedded.pglite.listen(channel, onNotify),
    close: async () => {
      await prisma.$disconnect();
      await embedded.close();
    },
  };
}

// The embedded database has one connection for all statements, so a transaction may have to wait.
const clientOptions = {
  transactionOptions: { maxWait: 5_000, timeout: 10_000 },
  errorFormat: 'minimal', // the other formats print the arguments, and errors are logged
} as const;

function createPool(connectionString: string, { DATABASE_POOL: max, REDIS_URL }: Config, limits: Limits) {
  return new AdmittedPool({
    connectionString,
    max,
    connectionTimeoutMillis: 1_500, // a response within 2 s while the database is down (security.md 23.5)
    // Longer than the server's own: only reached if a connection died silently.
    query_timeout: limits.statement_timeout === '0' ? 0 : 6_000,
    // With Redis, `revokeTokens` need not NOTIFY.
    onConnect: (client) => prepareSession(sessionOf(client), { ...limits, 'fieldgate.notify': REDIS_URL ? 'off' : 'on' }),
  });
}

/** Statements that prepare a session get as long as connecting does. */
const sessionOf = (client: pg.ClientBase) => ({
  query: async <Row>(text: string, values: unknown[]) =>
    (await client.query({ text, values, query_timeout: 1_500 } as pg.QueryConfig)).rows as Row[],
});

/** Parameters of DATABASE_URL that would change how the driver sends statements, or that `prepareSession` sets. Poolers reject them. */
const sessionParameters = [...Object.keys(statementLimits), 'query_timeout', 'client_encoding', 'binary', 'replication'];

function withoutSessionParameters(connectionString: string): string {
  const url = new URL(connectionString);
  const found = sessionParameters.filter((name) => url.searchParams.has(name));
  if (found.length === 0) return connectionString;
  for (const name of found) url.searchParams.delete(name);
  return url.href;
}

/** Why connecting failed, by error code. The error itself would repeat the setting, which contains the password. */
const connectionErrors: Record<string, string> = {
  '28000': 'the user or the password is wrong',
  '28P01': 'the user or the password is wrong',
  '3D000': 'there is no database with that name',
  '42501': 'the user may not connect to the database',
  '22023': 'its parameter `options` is invalid',
  '42601': 'its parameter `options` is invalid',
  '42704': 'its parameter `options` is invalid',
  ECONNREFUSED: 'no database listens there',
  ENOTFOUND: 'the host does not exist',
};

// Also taken by `prisma migrate deploy`.
const migrationLock = 72_707_369;

/** Applies the missing migrations. Serialized by advisory lock, so that nodes that start at the same time migrate once. */
async function migratePostgres(connectionString: string) {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 1_500 });
  client.on('error', () => {}); // the statement that needs the connection fails
  await client.connect().catch((error: { code?: string }) => {
    throw new Error(`Setting DATABASE_URL: ${connectionErrors[error.code ?? ''] ?? 'the database does not respond'}`);
  });
  try {
    await prepareMigrations(sessionOf(client));
    await client.query('set lock_timeout = 0');
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    await client.query(`set lock_timeout = '${migrationLimits.lock_timeout}'`);
    await migrate({
      query: async <Row>(text: string, values: unknown[]) => (await client.query(text, values)).rows as Row[],
      execute: (script) => client.query(script),
    });
  } finally {
    await client.end().catch(() => {}); // releases the lock
  }
}

async function prepareMigrations(session: ReturnType<typeof sessionOf>) {
  try {
    await prepareSession(session, migrationLimits);
    await checkDatabase(session);
  } catch (error) {
    throw new Error(`Setting DATABASE_URL: ${(error as Error).message}`, { cause: error });
  }
}

function createPostgresDatabase(pool: pg.Pool, connectionString: string, log: Logger): Database {
  const names = new Map<string, string>();
  const nameOf = (text: string) => {
    const name = names.get(text) ?? `s${names.size}`;
    if (names.size < 500) names.set(text, name);
    return names.has(text) ? name : undefined;
  };
  const prisma = retryTransactions(new PrismaClient({ adapter: new PrismaPg(pool), ...clientOptions }));
  return {
    prisma,
    query: <Row>({ name, text, values }: Statement) =>
      retryOnConflict(async () => (await pool.query({ name: name ?? nameOf(text), text, values })).rows as Row[]),
    listen: (channel, onNotify) => listen(connectionString, channel, onNotify, log),
    close: async () => {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

const stableAfter = 1_000; // milliseconds

/** Listens on a separate connection and reconnects after a loss, with a growing pause. */
async function listen(connectionString: string, channel: string, onNotify: () => void, log: Logger) {
  let isStopped = false;
  let current: pg.Client | undefined;
  let listeningSince = 0;
  const connect = async (pause: number): Promise<void> => {
    if (isStopped) return;
    const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000, keepAlive: true });
    const reconnect = () => {
      // A connection that is lost at once was no success.
      const wasStable = current === client && performance.now() - listeningSince > stableAfter;
      if (current === client) current = undefined;
      const next = nextPause(wasStable ? 0 : pause);
      setTimeout(() => void connect(next), next).unref();
    };
    client.on('error', (error) => log.warn({ error: error.message }, 'the listening connection was lost'));
    try {
      await client.connect();
      client.once('end', reconnect);
      client.on('notification', onNotify);
      await prepareSession(sessionOf(client), statementLimits);
      await client.query(`listen ${pg.escapeIdentifier(channel)}`);
      current = client;
      listeningSince = performance.now();
      onNotify();
    } catch {
      if (client.listenerCount('end') === 0) reconnect();
      else await client.end().catch(() => {});
    }
  };
  await connect(0);
  return async () => {
    isStopped = true;
    await current?.end();
  };
}
