import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import type { Config } from '../config.ts';
import type { Logger } from '../logger.ts';
import { AdmittedPool, admitEmbedded } from './admitted-pool.ts';
import { applicationName, connect, type DatabaseTarget, sessionOf, settingError } from './connect.ts';
import { createEmbeddedAdapterFactory, type EmbeddedPostgres, migrateEmbedded, openEmbeddedPostgres } from './embedded-postgres.ts';
import { Prisma, PrismaClient } from './generated/prisma/client.ts';
import { migrate } from './migrate.ts';
import { requireUsablePooler } from './pooler-check.ts';
import { nextPause } from './reconnect-pause.ts';
import { retryOnConflict, retryTransactions } from './retry.ts';
import { checkDatabase, migrationLimits, prepareServingSession, prepareSession, statementLimits } from './session.ts';
import { traceAdapter, traceStatement } from './trace-statements.ts';
import { TransactionPool } from './transaction-pool.ts';
import { readUnfinishedRestore } from './unfinished-restore.ts';

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
  /** The work of each class that has a connection, or waits for one. */
  readonly load: AdmittedPool['load'];
  /** Copies the embedded database into a compressed archive; undefined if the database is another one. */
  archive?(): Promise<Blob>;
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

interface OpenOptions {
  /** Opens a database into which a backup was restored, and whose access has not been ended yet. */
  readonly isRestoring?: boolean;
}

/** Opens the configured database and migrates it. Throws an error that says what to do. */
export async function openDatabase(
  config: Config,
  log: Logger,
  limits: Limits = statementLimits,
  options: OpenOptions = {},
): Promise<Database> {
  const targets = databaseTargets(config);
  if (!targets) return openEmbeddedDatabase(await openEmbeddedPostgres(config.DATA_DIR));
  const { main, direct } = targets;
  // With Redis, `revokeTokens` need not NOTIFY.
  const settings = { ...limits, 'fieldgate.notify': config.REDIS_URL ? 'off' : 'on' };
  if (!options.isRestoring) await requireUsablePooler(config, targets, settings);
  await migratePostgres(direct, options);
  const pool = options.isRestoring ? createRestoringPool(direct, settings) : createPool(main, config, settings);
  pool.on('error', (error) => log.warn({ event: 'sys_connection_lost', error: error.message }, 'a database connection was lost'));
  pool.on('connect', (client) => client.on('error', () => {})); // an idle connection has no other listener for errors
  return createPostgresDatabase(pool, direct.connectionString, log);
}

/** The PostgreSQL of the server: the pool connects to `main`, migrations and the listening connection to `direct`. */
export interface DatabaseTargets {
  readonly main: DatabaseTarget;
  readonly direct: DatabaseTarget;
}

/** The PostgreSQL that the settings name; undefined if the database is the embedded one. */
export function databaseTargets({
  DATABASE_URL,
  DATABASE_DIRECT_URL,
}: Pick<Config, 'DATABASE_URL' | 'DATABASE_DIRECT_URL'>): DatabaseTargets | undefined {
  if (!DATABASE_URL) return undefined;
  const main: DatabaseTarget = { setting: 'DATABASE_URL', connectionString: withoutSessionParameters(DATABASE_URL) };
  if (!DATABASE_DIRECT_URL) return { main, direct: main };
  return { main, direct: { setting: 'DATABASE_DIRECT_URL', connectionString: withoutSessionParameters(DATABASE_DIRECT_URL) } };
}

/** Migrates an open embedded PostgreSQL and serves it. Closing the database closes it. */
export async function openEmbeddedDatabase(embedded: EmbeddedPostgres): Promise<Database> {
  await migrateEmbedded(embedded.pglite);
  const connection = admitEmbedded(embedded.pglite);
  let archived: Promise<unknown> = Promise.resolve();
  const prisma = retryTransactions(new PrismaClient({ adapter: traceAdapter(createEmbeddedAdapterFactory(connection)), ...clientOptions }));
  return {
    prisma,
    query: <Row>({ text, values }: Statement) => traceStatement(text, async () => (await connection.query<Row>(text, values)).rows),
    listen: (channel, onNotify) => embedded.pglite.listen(channel, onNotify),
    get load() {
      return connection.load;
    },
    archive: () => {
      // One after the other: a second one would not get the connection within the time that requests wait for it.
      const archive = archived.then(() => connection.dumpDataDir('gzip'));
      archived = archive.catch(() => {});
      return archive;
    },
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

function createPool(target: DatabaseTarget, { DATABASE_POOL, DATABASE_POOLER }: Config, settings: Limits) {
  const options = poolOptions(target, DATABASE_POOL, settings);
  return DATABASE_POOLER === 'transaction'
    ? new TransactionPool(options, settings)
    : new AdmittedPool({ ...options, onConnect: (client) => prepareServingSession(sessionOf(client), settings) });
}

/** A restore needs the database itself: poolers are stopped. */
const createRestoringPool = (direct: DatabaseTarget, settings: Limits) =>
  new AdmittedPool({ ...poolOptions(direct, 2, settings), onConnect: (client) => prepareSession(sessionOf(client), settings) });

const poolOptions = ({ connectionString }: DatabaseTarget, max: number, settings: Limits) => ({
  connectionString,
  application_name: applicationName,
  max,
  connectionTimeoutMillis: 1_500, // a response within 2 s while the database is down (security.md 23.5)
  // Longer than the server's own: only reached if a connection died silently.
  query_timeout: settings.statement_timeout === '0' ? 0 : 6_000,
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

/** The advisory lock that a starting server holds while it migrates. Also taken by `prisma migrate deploy`. */
export const migrationLock = 72_707_369;

/** Applies the missing migrations. Serialized by advisory lock, so that nodes that start at the same time migrate once. */
async function migratePostgres(target: DatabaseTarget, { isRestoring }: OpenOptions) {
  const client = await connect(target);
  try {
    await prepareMigrations(target, sessionOf(client));
    await client.query('set lock_timeout = 0');
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    await client.query(`set lock_timeout = '${migrationLimits.lock_timeout}'`);
    const query = async <Row>(text: string, values: unknown[]) => (await client.query(text, values)).rows as Row[];
    const unfinished = isRestoring ? undefined : await readUnfinishedRestore(query);
    if (unfinished) throw new Error(unfinished);
    await migrate({ query, execute: (script) => client.query(script) });
  } catch (error) {
    const { code } = ((error as Error).cause ?? error) as { code?: string };
    if (code === '42501') throw settingError(target, notOwner, error);
    throw error;
  } finally {
    await client.end().catch(() => {}); // releases the lock
  }
}

const notOwner =
  'the user may not create or change the tables; grant it create on the schema "public", or migrate as the owner of the tables';

async function prepareMigrations(target: DatabaseTarget, session: ReturnType<typeof sessionOf>) {
  try {
    await prepareSession(session, migrationLimits);
    await checkDatabase(session);
  } catch (error) {
    throw settingError(target, (error as Error).message, error);
  }
}

function createPostgresDatabase(pool: AdmittedPool, connectionString: string, log: Logger): Database {
  const names = new Map<string, string>();
  const nameOf = (text: string) => {
    const name = names.get(text) ?? `s${names.size}`;
    if (names.size < 500) names.set(text, name);
    return names.has(text) ? name : undefined;
  };
  const factory = new PrismaPg(pool);
  const adapter = traceAdapter(pool instanceof TransactionPool ? pool.prepareTransactions(factory) : factory);
  const prisma = retryTransactions(new PrismaClient({ adapter, ...clientOptions }));
  return {
    prisma,
    query: <Row>({ name, text, values }: Statement) =>
      retryOnConflict(() =>
        traceStatement(text, async () => (await pool.query({ name: name ?? nameOf(text), text, values })).rows as Row[]),
      ),
    listen: (channel, onNotify) => listen(connectionString, channel, onNotify, log),
    get load() {
      return pool.load;
    },
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
    const client = new pg.Client({ connectionString, application_name: applicationName, connectionTimeoutMillis: 2_000, keepAlive: true });
    const reconnect = () => {
      // A connection that is lost at once was no success.
      const wasStable = current === client && performance.now() - listeningSince > stableAfter;
      if (current === client) current = undefined;
      const next = nextPause(wasStable ? 0 : pause);
      setTimeout(() => void connect(next), next).unref();
    };
    client.on('error', (error) => log.warn({ event: 'sys_connection_lost', error: error.message }, 'the listening connection was lost'));
    try {
      await client.connect();
      client.once('end', reconnect);
      client.on('notification', onNotify);
      await prepareServingSession(sessionOf(client), statementLimits);
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
