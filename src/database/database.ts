import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import type { Config } from '../config.ts';
import type { Logger } from '../lib/logger.ts';
import { createEmbeddedAdapterFactory, type EmbeddedPostgres, openEmbeddedPostgres } from './embedded-postgres.ts';
import { Prisma, PrismaClient } from './generated/prisma/client.ts';
import { migrate } from './migrate.ts';

/** Tagged template for one statement; its values travel as parameters, never as text. */
export const sql = Prisma.sql;
/** A duration in milliseconds as an SQL interval. */
export const interval = (milliseconds: number) => sql`${milliseconds}::float8 * interval '1 ms'`;
export type Sql = Prisma.Sql;
export type Tx = Prisma.TransactionClient;

/** A statement with its values. */
export type Statement = Pick<Sql, 'text' | 'values'> & { readonly name?: string };

/**
 * A statement that comes with every request: its text is made once, from `template`, and only its values, in order, each time. Making and
 * comparing the text cost a tenth of a small request.
 */
export function preparedStatement(name: string, template: Sql) {
  const { text } = template;
  return (...values: unknown[]): Statement => ({ name, text, values });
}

/** The one database of a process: Prisma for most reads and writes, `query` for the statements that are counted in microseconds. */
export interface Database {
  prisma: PrismaClient;
  /** Runs one statement outside of any transaction. Dates come as Date, JSON parsed, counts as text: cast them to int. */
  query<Row>(statement: Statement): Promise<Row[]>;
  /** Calls `heard` after each NOTIFY on the channel, and once after each (re)connection. A hint: the tables are the truth. */
  listen(channel: string, heard: () => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** A transaction of Prisma as a place to run one statement. */
export const onTransaction = (tx: Tx): Pick<Database, 'query'> => ({ query: (statement) => tx.$queryRaw(statement as Sql) });

/** Opens the database that the settings name and brings its schema up to date. Throws with a sentence that says what to do. */
export async function openDatabase(config: Config, log: Logger): Promise<Database> {
  if (!config.DATABASE_URL) return openEmbeddedDatabase(await openEmbeddedPostgres(config.DATA_DIR));
  const pool = createPool(config.DATABASE_URL, config);
  pool.on('error', (error) => log.warn({ error: error.message }, 'a database connection was lost'));
  pool.on('connect', (client) => client.on('error', () => {})); // from one user of a connection to the next nobody listens to it
  try {
    await migrateTogether(pool);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return overPostgres(pool, config.DATABASE_URL, log);
}

/** The database over an open embedded PostgreSQL; closes it with itself. */
export async function openEmbeddedDatabase(embedded: EmbeddedPostgres): Promise<Database> {
  await migrate(createEmbeddedAdapterFactory(embedded.pglite));
  const prisma = new PrismaClient({ adapter: createEmbeddedAdapterFactory(embedded.pglite), ...clientOptions });
  return {
    prisma,
    query: async <Row>(statement: Statement) => (await embedded.pglite.query<Row>(statement.text, statement.values)).rows,
    listen: (channel, heard) => embedded.pglite.listen(channel, heard),
    close: async () => {
      await prisma.$disconnect();
      await embedded.close();
    },
  };
}

// One connection serves all statements of the embedded database, so a transaction may wait for its turn.
const clientOptions = {
  transactionOptions: { maxWait: 5_000, timeout: 10_000 },
  errorFormat: 'minimal', // the others print the arguments, and errors are logged
} as const;

function createPool(connectionString: string, { DATABASE_POOL: max, REDIS_URL }: Config) {
  return new pg.Pool({
    connectionString,
    max,
    connectionTimeoutMillis: 1_500, // an answer within 2 s while the database is down (security.md 23.5)
    query_timeout: 6_000, // longer than the server's own: only a connection that died silently comes to it
    statement_timeout: 5_000, // security.md F26, as are the next two
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 10_000,
    // The adapters take the text of a timestamptz for UTC; where Redis wakes the nodes, NOTIFY need not (src/token/lifecycle.ts).
    options: `-c TimeZone=UTC${REDIS_URL ? ' -c fieldgate.notify=off' : ''}`,
  });
}

/** Why a database could not be opened, by the code of the error; the error itself repeats what the setting says. */
const unopened: Record<string, string> = {
  '28000': 'the user or the password is wrong',
  '28P01': 'the user or the password is wrong',
  '3D000': 'there is no database of that name',
  ECONNREFUSED: 'no database listens there',
  ENOTFOUND: 'there is no host of that name',
};

/** Nodes that start at once migrate once: they take turns at an advisory lock. */
async function migrateTogether(pool: pg.Pool) {
  const holder = await pool.connect().catch((error: { code?: string }) => {
    throw new Error(`Setting DATABASE_URL: ${unopened[error.code ?? ''] ?? 'the database there does not answer'}`);
  });
  const own = new pg.Pool({ connectionString: pool.options.connectionString, max: 2, options: '-c TimeZone=UTC -c lock_timeout=1s' }); // security.md 25.1
  own.on('error', () => {}); // the statement that needs the connection fails, and says why
  try {
    await holder.query('set lock_timeout = 0; set statement_timeout = 0');
    await holder.query("select pg_advisory_lock(hashtext('fieldgate.migrate'))");
    await migrate(wholeScripts(own));
  } finally {
    await own.end();
    holder.release(true); // ending the connection frees the lock, whatever happened
  }
}

/** Prisma's adapter cuts a script at every `;`, also inside a function, and runs the pieces one by one; PostgreSQL runs a whole one, or nothing. */
function wholeScripts(pool: pg.Pool) {
  const factory = new PrismaPg(pool);
  const open = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await open();
    const { onError } = adapter as unknown as { onError(error: unknown): never };
    return Object.assign(adapter, { executeScript: (script: string) => pool.query(script).then(() => {}, onError.bind(adapter)) });
  };
  return factory;
}

function overPostgres(pool: pg.Pool, connectionString: string, log: Logger): Database {
  const names = new Map<string, string>();
  const nameOf = (text: string) => {
    const name = names.get(text) ?? `s${names.size}`;
    if (names.size < 500) names.set(text, name);
    return names.has(text) ? name : undefined;
  };
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool), ...clientOptions });
  return {
    prisma,
    query: async <Row>({ name, text, values }: Statement) => (await pool.query({ name: name ?? nameOf(text), text, values })).rows as Row[],
    listen: (channel, heard) => listenOver(connectionString, channel, heard, log),
    close: async () => {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

/** Keeps one connection listening; after a loss it connects again, waiting a little longer each time, at most 1 s. */
async function listenOver(connectionString: string, channel: string, heard: () => void, log: Logger) {
  let stopped = false;
  let client: pg.Client | undefined;
  const open = async (wait: number): Promise<void> => {
    if (stopped) return;
    const next = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000, keepAlive: true });
    const retry = () => {
      if (client === next) client = undefined;
      setTimeout(() => void open(Math.min(wait * 2, 1_000)), wait).unref();
    };
    next.on('error', (error) => log.warn({ error: error.message }, 'the listening connection was lost'));
    try {
      await next.connect();
      next.once('end', retry);
      next.on('notification', heard);
      await next.query(`listen ${pg.escapeIdentifier(channel)}`);
      client = next;
      heard();
    } catch {
      if (next.listenerCount('end') === 0) retry();
      else await next.end().catch(() => {});
    }
  };
  await open(50);
  return async () => {
    stopped = true;
    await client?.end();
  };
}
