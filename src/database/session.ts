import pg from 'pg';
import { requireFinishedRestore } from './unfinished-restore.ts';

/** A connection whose session is not prepared yet. */
interface SessionConnection {
  query<Row>(text: string, values: unknown[]): Promise<Row[]>;
}

/**
 * What the server's statements and the two drivers rely on. The defaults of a session may differ: they come from the server, the database, the
 * role, `options` in DATABASE_URL and PGOPTIONS.
 */
const requiredSettings = {
  TimeZone: 'UTC', // Prisma's adapters write timestamps without an offset and ignore the offset of those they read
  DateStyle: 'ISO, MDY', // the format that both drivers parse
  IntervalStyle: 'postgres',
  client_encoding: 'UTF8',
  search_path: 'public', // Prisma names this schema in its statements; ours name none
  standard_conforming_strings: 'on',
  bytea_output: 'hex',
  extra_float_digits: '1',
  array_nulls: 'on',
  transform_null_equals: 'off',
  exit_on_error: 'off',
  default_transaction_isolation: 'read committed', // row locks and conditional statements decide, not the isolation level (security.md 24.2)
  default_transaction_deferrable: 'off',
  session_replication_role: 'origin', // the other roles skip triggers and foreign keys
  idle_session_timeout: '0', // an idle connection of the pool must not end while a statement is on its way
  transaction_timeout: '0', // PostgreSQL 17 and later
};

/** How long a statement of the server may take, wait for a lock, and leave a transaction idle (security.md F26). */
export const statementLimits = { statement_timeout: '5s', lock_timeout: '2s', idle_in_transaction_session_timeout: '10s' };

/** Migrations may take as long as they need. They wait for a lock for 1 s only, because every statement behind them waits as well (security.md 25.1). */
export const migrationLimits = { statement_timeout: '0', lock_timeout: '1s', idle_in_transaction_session_timeout: '0' };

/** Commands that read or change every row of a table take as long as they need. */
export const commandLimits = { statement_timeout: '0', lock_timeout: '0', idle_in_transaction_session_timeout: '0' };

/** A session that the server cannot use. Its code makes a request that needs the session UNAVAILABLE, its severity makes Prisma keep the code. */
class UnusableSessionError extends Error {
  readonly code = '08004'; // rejected establishment of a connection
  readonly severity = 'FATAL';
}

const noTimeout = 'set statement_timeout = 0'; // the role may have one that the next statement exceeds

/** Prepares a session that serves requests. Throws while a restore is unfinished. */
export async function prepareServingSession(connection: SessionConnection, settings: Readonly<Record<string, string>>): Promise<void> {
  await prepareSession(connection, settings, `${noTimeout}; ${requireFinishedRestore}`);
}

/**
 * Sets what the server relies on, and verifies that the database reports it. Every connection does this after connecting, before its first
 * statement. Parameters of the connection itself would not do: `options` in DATABASE_URL replaces them, and connection poolers reject them.
 */
export async function prepareSession(
  { query }: SessionConnection,
  settings: Readonly<Record<string, string>> = {},
  setUp = noTimeout,
): Promise<void> {
  await query(setUp, []);
  const wanted = { ...requiredSettings, ...settings };
  const rows = await query<{ name: string; wanted: string; actual: string }>(setAndReport('$1::text[], $2::text[]'), [
    Object.keys(wanted),
    Object.values(wanted),
  ]).catch(({ message }: Error) => {
    throw new UnusableSessionError(`the database rejects a setting of the session: ${message}`);
  });
  const different = rows.find(({ wanted, actual }) => wanted !== actual);
  if (!different) return;
  const { name, wanted: value, actual } = different;
  throw new UnusableSessionError(`the setting ${name} of the session must be "${value}", but the database keeps "${actual}"`);
}

/** The same for one transaction: the statements that begin it. It leaves nothing behind in a session that is shared with other clients. */
export function beginPrepared(settings: Readonly<Record<string, string>>): { begin: string; prepare: string } {
  const wanted = { ...requiredSettings, ...settings };
  const literals = [Object.keys(wanted), Object.values(wanted)].map((texts) => `array[${texts.map(pg.escapeLiteral)}]`);
  return { begin: 'begin isolation level read committed', prepare: setAndReport(literals.join(', '), true) };
}

// `session_replication_role` may only be set by a superuser, so what is right already is not set. A setting that this version does not have is null.
// `synchronous_commit` may be stricter than "on", not laxer: what was acknowledged must survive a crash.
const setAndReport = (given: string, isLocal = false) => `
  select name, wanted, case when current is distinct from wanted then set_config(name, wanted, ${isLocal}) else current end as actual
  from (
    select name, value as wanted, current_setting(name, true) as current from unnest(${given}) as given(name, value)
    union all
    select 'synchronous_commit', case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end,
      current_setting('synchronous_commit')
  ) as compared
  where current is not null or name like 'fieldgate.%'`;

interface DatabaseState {
  readonly version: number;
  readonly encoding: string;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
  readonly hasSchema: boolean;
}

/** Throws an error with the cause and the remedy if the server cannot run on this database. */
export async function checkDatabase({ query }: SessionConnection): Promise<void> {
  const [state] = await query<DatabaseState>(
    `select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding,
      pg_is_in_recovery() as "isStandby", current_setting('transaction_read_only') = 'on' as "isReadOnly",
      coalesce(has_schema_privilege(to_regnamespace('public'), 'usage'), false) as "hasSchema"`,
    [],
  );
  const fault = state && faults.find(({ applies }) => applies(state));
  if (fault) throw new UnusableSessionError(fault.sentence);
}

const faults: { readonly sentence: string; applies(state: DatabaseState): boolean }[] = [
  { applies: ({ version }) => version < 150_000, sentence: 'the database is older than PostgreSQL 15; upgrade it' },
  {
    applies: ({ encoding }) => encoding !== 'UTF8',
    sentence: 'the encoding of the database is not UTF8; create the database with `encoding UTF8 template template0`',
  },
  { applies: ({ isStandby }) => isStandby, sentence: 'the database is a standby, which is read-only; name the primary' },
  {
    applies: ({ isReadOnly }) => isReadOnly,
    sentence: 'the database is read-only; reset default_transaction_read_only for the database, the role and in `options`',
  },
  {
    applies: ({ hasSchema }) => !hasSchema,
    sentence: 'the database has no schema "public" that the user may use; create it, or grant usage and create on it',
  },
];
