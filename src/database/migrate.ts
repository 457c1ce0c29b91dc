import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The connection that migrations run on; nothing else may use it meanwhile. */
export interface MigrationConnection {
  query<Row>(text: string, values: unknown[]): Promise<Row[]>;
  /** Runs any number of statements. */
  execute(script: string): Promise<unknown>;
}

const folder = join(import.meta.dirname, '../../prisma/migrations');

/**
 * Applies the missing migrations, each in a separate transaction, so that a failed one leaves nothing behind. The history is the table of
 * `prisma migrate deploy`. Throws if the database is newer than this version, if an earlier migration did not finish, and if the database has
 * tables but no history. The caller makes sure that only one process migrates.
 */
export async function migrate(connection: MigrationConnection): Promise<void> {
  const names = migrationNames();
  const applied = await readHistory(connection);
  for (const { name, isFinished } of applied) {
    if (!isFinished) {
      throw new Error(
        `The migration ${name} did not finish. Restore the database from its backup, or undo the migration by hand and set rolled_back_at in its row of _prisma_migrations; see docs/operations.md.`,
      );
    }
    if (!names.includes(name)) {
      throw new Error(
        `The database has the migration ${name}, which this version does not know. Start the version that applied it, or a newer one.`,
      );
    }
  }
  const appliedNames = new Set(applied.map(({ name }) => name));
  for (const name of names) if (!appliedNames.has(name)) await apply(connection, name);
}

interface AppliedMigration {
  readonly name: string;
  readonly isFinished: boolean;
}

/** Reads the history, and creates it in an empty database. */
async function readHistory({ query, execute }: MigrationConnection): Promise<AppliedMigration[]> {
  const [state] = await query<{ hasHistory: boolean; hasTables: boolean }>(
    `select to_regclass('_prisma_migrations') is not null as "hasHistory",
      exists (select from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm')) as "hasTables"`,
    [],
  );
  if (state?.hasHistory) {
    return query<AppliedMigration>(
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

async function apply({ query, execute }: MigrationConnection, name: string): Promise<void> {
  const script = readFileSync(join(folder, name, 'migration.sql'), 'utf8');
  const checksum = createHash('sha256').update(script).digest('hex');
  await execute('begin');
  try {
    await execute(script);
    await query(
      `insert into _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
        values ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await execute('commit');
  } catch (error) {
    await execute('rollback').catch(() => {}); // the connection may be lost; then the server rolls back
    throw new Error(`The migration ${name} failed and was rolled back: ${(error as Error).message}`, { cause: error });
  }
}

const migrationNames = () =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
