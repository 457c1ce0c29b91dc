import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isApplied, type MigrationConnection } from './applied-migration.ts';

const folder = join(import.meta.dirname, '../../prisma/migrations');

/**
 * Applies the missing migrations, each in a separate transaction, so that a failed one leaves nothing behind. The history is the table of
 * `prisma migrate deploy`. Decides by itself whether a migration that has no end in the history was applied. Throws if the database is newer than
 * this version, and if it has tables but no history. The caller makes sure that only one process migrates.
 */
export async function migrate(connection: MigrationConnection): Promise<void> {
  const names = migrationNames();
  const history = await readHistory(connection);
  const unknown = history.find(({ name }) => !names.includes(name));
  if (unknown) {
    throw new Error(
      `The database has the migration ${unknown.name}, which this version does not know. Start the version that applied it, or a newer one.`,
    );
  }
  const recorded = new Map(history.map((migration) => [migration.name, migration]));
  const last = history.at(-1);
  for (const name of names) {
    const migration = recorded.get(name);
    if (migration?.isFinished) continue;
    if (!migration) await apply(connection, name);
    // A migration begins when the one before it has ended, so only the last one may not be applied.
    else if (migration === last) await complete(connection, name, names.slice(0, names.indexOf(name)));
    else await finish(connection, name);
  }
}

/** The migrations of this version compared with those of a database. */
export interface MigrationState {
  /** Those that the next start applies. */
  readonly pending: readonly string[];
  /** Those that this version does not know. */
  readonly unknown: readonly string[];
}

/** Compares the names of applied migrations with those of this version. */
export function compareMigrations(applied: readonly string[]): MigrationState {
  const names = migrationNames();
  return { pending: names.filter((name) => !applied.includes(name)), unknown: applied.filter((name) => !names.includes(name)) };
}

/** The migrations that were applied; undefined if the database has no history. Changes nothing. */
export async function readAppliedMigrations(query: MigrationConnection['query']): Promise<string[] | undefined> {
  const [state] = await query<{ hasHistory: boolean }>(`select to_regclass('_prisma_migrations') is not null as "hasHistory"`, []);
  if (!state?.hasHistory) return undefined;
  const rows = await query<{ name: string }>(
    'select migration_name as name from _prisma_migrations where finished_at is not null and rolled_back_at is null order by 1',
    [],
  );
  return rows.map(({ name }) => name);
}

interface RecordedMigration {
  readonly name: string;
  readonly isFinished: boolean;
}

/** Reads the history, and creates it in an empty database. */
async function readHistory({ query, execute }: MigrationConnection): Promise<RecordedMigration[]> {
  const [state] = await query<{ hasHistory: boolean; hasTables: boolean }>(
    `select to_regclass('_prisma_migrations') is not null as "hasHistory",
      exists (select from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm')) as "hasTables"`,
    [],
  );
  if (state?.hasHistory) {
    return query<RecordedMigration>(
      'select migration_name as name, finished_at is not null as "isFinished" from _prisma_migrations where rolled_back_at is null order by migration_name',
      [],
    );
  }
  if (state?.hasTables) throw new Error('The database has tables that Fieldgate did not create. Use an empty database.');
  await execute(createHistory);
  return [];
}

// As Prisma creates it.
const createHistory = `
  create table _prisma_migrations (
    id varchar(36) primary key not null,
    checksum varchar(64) not null,
    finished_at timestamptz,
    migration_name varchar(255) not null,
    logs text,
    rolled_back_at timestamptz,
    started_at timestamptz not null default now(),
    applied_steps_count integer not null default 0
  )`;

/** Applies the migration, and records it in the same transaction. */
async function apply(connection: MigrationConnection, name: string): Promise<void> {
  const script = readScript(name);
  const checksum = createHash('sha256').update(script).digest('hex');
  await inTransaction(connection, name, async ({ query, execute }) => {
    await execute(script);
    await query(
      `insert into _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
        values ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
  });
}

/**
 * Ends a migration whose record has no end: its tool was killed before or after the script, or the script failed. A script is applied as a whole or
 * not at all.
 */
async function complete(connection: MigrationConnection, name: string, earlierNames: readonly string[]): Promise<void> {
  const script = readScript(name);
  const wasApplied = await isApplied(connection, earlierNames.map(readScript), script).catch((error: Error) => {
    throw new Error(`The history has no end of the migration ${name}, and checking whether it was applied failed: ${error.message}`, {
      cause: error,
    });
  });
  if (wasApplied) {
    await finish(connection, name);
    return;
  }
  await inTransaction(connection, name, async (transaction) => {
    await transaction.execute(script);
    await finish(transaction, name);
  });
}

const finish = ({ query }: MigrationConnection, name: string) =>
  query(
    `update _prisma_migrations set finished_at = clock_timestamp(), applied_steps_count = 1
      where migration_name = $1 and finished_at is null and rolled_back_at is null`,
    [name],
  );

async function inTransaction(
  connection: MigrationConnection,
  name: string,
  work: (transaction: MigrationConnection) => Promise<unknown>,
): Promise<void> {
  const { execute } = connection;
  await execute('begin');
  try {
    await work(connection);
    await execute('commit');
  } catch (error) {
    await execute('rollback').catch(() => {}); // the connection may be lost; then the server rolls back
    throw new Error(`The migration ${name} failed and was rolled back: ${(error as Error).message}`, { cause: error });
  }
}

const readScript = (name: string) => readFileSync(join(folder, name, 'migration.sql'), 'utf8');

const migrationNames = () =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
