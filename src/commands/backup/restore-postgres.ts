import { finished } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Config } from '../../config.ts';
import { connect, type DatabaseTarget, settingError, userOf } from '../../database/connect.ts';
import { type DatabaseTargets, migrationLock, openDatabase, sql } from '../../database/database.ts';
import { compareMigrations, readAppliedMigrations } from '../../database/migrate.ts';
import { commandLimits } from '../../database/session.ts';
import { restoreLock, restoreMarker } from '../../database/unfinished-restore.ts';
import { createLogger } from '../../logger.ts';
import { requireUsable } from './backup-content.ts';
import { readArchive, verifyArchive } from './postgres-archive.ts';
import { startProgram, withConnection } from './postgres-tools.ts';
import type { RestoreOptions } from './restore-options.ts';
import { withoutNewerSettings } from './script-header.ts';

/**
 * Restores a backup and ends its access. What was in the database, the backup and a marker change places in one transaction; the marker, which keeps
 * servers from starting, is removed in the transaction that ends the access. So whenever the process is killed, the database is as it was, or no
 * server starts on it.
 */
export async function restorePostgres(config: Config, { main, direct }: DatabaseTargets, options: RestoreOptions): Promise<void> {
  const { file, mayReplace, configured, mayHaveOtherKeys, endAccess } = options;
  await verifyArchive(file);
  requireUsable(await readArchive(file), mayHaveOtherKeys ? undefined : configured);
  const client = await connect(direct);
  try {
    await lockOutServers(client);
    const users = [direct, main].map(userOf);
    await requireNoOtherConnection(client, users);
    // A session that was prepared before the lock was taken is found now; later ones are rejected until the marker is committed, and then by it.
    await client.query('select pg_advisory_lock($1)', [restoreLock]);
    await requireNoOtherConnection(client, users);
    await requireReplaceable(client, direct, mayReplace);
    await withConnection(direct, (connection) => load(file, connection));
  } finally {
    await client.end(); // releases the lock; from now on the marker keeps servers from starting
  }
  const db = await openDatabase(config, createLogger('silent'), commandLimits, { isRestoring: true });
  try {
    await endAccess(db);
    await db.prisma.$executeRaw(sql`analyze`);
  } finally {
    await db.close();
  }
}

/** Takes the lock that a starting server waits for. */
async function lockOutServers(client: pg.Client) {
  const { rows } = await client.query<{ isFree: boolean }>('select pg_try_advisory_lock($1) as "isFree"', [migrationLock]);
  if (!rows[0]?.isFree) throw new Error('A server is starting, or another restore is running. Stop it first.');
}

const closingTime = 3_000; // milliseconds that PostgreSQL may take to end the connections of a server that was stopped

/** Servers and commands have this name or, if the operator has chosen another, one of the two users. */
async function requireNoOtherConnection(client: pg.Client, users: readonly (string | undefined)[]) {
  const deadline = performance.now() + closingTime;
  let names = await otherConnections(client, users);
  while (names.length > 0 && performance.now() < deadline) {
    await pause(100);
    names = await otherConnections(client, users);
  }
  if (names.length === 0) return;
  throw new Error(`Other connections use the database (${names.join(', ')}). Stop all servers, commands and poolers first.`);
}

/** A role that may not read all statistics sees the name and the user of a session of another role, and null as its type. */
async function otherConnections(client: pg.Client, users: readonly (string | undefined)[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `
    select distinct coalesce(nullif(application_name, ''), 'unnamed') as name from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and coalesce(backend_type, 'client backend') = 'client backend'
      and (application_name like 'fieldgate%' or usename = current_user or usename = any($1::text[])) order by 1`,
    [users.filter(Boolean)],
  );
  return rows.map(({ name }) => name);
}

async function requireReplaceable(client: pg.Client, target: DatabaseTarget, mayReplace: boolean) {
  const { rowCount } = await client.query(
    `select from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S') limit 1`,
  );
  if (rowCount === 0) return;
  await client.query('set search_path = public');
  const applied = await readAppliedMigrations(
    async <Row>(text: string, values: unknown[]) => (await client.query(text, values)).rows as Row[],
  );
  const isOwn = applied?.some((name) => !compareMigrations([name]).unknown.includes(name));
  if (!isOwn) throw settingError(target, 'the database has tables that Fieldgate did not create; use an empty database');
  if (!mayReplace) throw new Error('The database is not empty. Restore into an empty one, or delete what is in it with --replace.');
}

/** Replaces the content of the database, in one transaction that only this process commits. */
async function load(file: string, connection: Record<string, string>): Promise<void> {
  const psql = startProgram('psql', ['--no-psqlrc', '--quiet', '--no-password', '--set=ON_ERROR_STOP=1', '--file=-'], connection);
  psql.child.stdout.resume();
  psql.child.stdin.write(`begin;\nset local statement_timeout = 0;\n${dropEverything}\n`);
  const archive = startProgram('pg_restore', ['--no-owner', '--file=-', file]);
  archive.child.stdin.end();
  const script = archive.child.stdout.pipe(withoutNewerSettings());
  script.pipe(psql.child.stdin, { end: false });
  try {
    await Promise.race([
      Promise.all([archive.ended, finished(script)]),
      psql.ended.then(() => Promise.reject(new Error('psql ended too early.'))),
    ]);
  } catch (error) {
    archive.child.kill();
    psql.child.stdin.destroy();
    await psql.ended.catch((cause: Error) => {
      throw archive.child.exitCode ? error : cause;
    });
    throw error;
  }
  psql.child.stdin.end(`create table public.${pg.escapeIdentifier(restoreMarker)} ();\ncommit;\n`);
  await psql.ended;
}

/**
 * Deletes all tables, views, sequences, functions and types of the schema, except those of extensions. The schema and its privileges stay. The default
 * privileges of the user go, because pg_restore only adds privileges: they would give other roles what the backup revokes. The archive sets them again,
 * after the tables (https://www.postgresql.org/docs/current/sql-alterdefaultprivileges.html).
 */
const dropEverything = `
do $$
declare statement text;
begin
  for statement in
    select format('drop %s if exists public.%I cascade', case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' else 'table' end, relname)
    from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S')
      and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
  loop execute statement; end loop;
  for statement in
    select format('drop routine if exists public.%I(%s) cascade', proname, pg_get_function_identity_arguments(oid))
    from pg_proc p where pronamespace = 'public'::regnamespace and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
  loop execute statement; end loop;
  for statement in
    select format('drop type if exists public.%I cascade', typname)
    from pg_type t where typnamespace = 'public'::regnamespace and typtype in ('e', 'd', 'c') and not exists (
      select from pg_depend d where d.objid = t.oid and d.deptype = 'e') and not exists (select from pg_class c where c.oid = t.typrelid and c.relkind <> 'c')
  loop execute statement; end loop;
  for statement in
    select distinct format('alter default privileges %s revoke all on %s from %s', case when defaclnamespace <> 0 then 'in schema public' end,
      case defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'routines' else 'types' end,
      case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end)
    from pg_default_acl, aclexplode(defaclacl) where defaclrole = current_user::regrole and defaclobjtype in ('r', 'S', 'f', 'T')
      and (defaclnamespace = 'public'::regnamespace or defaclnamespace = 0 and grantee not in (0, defaclrole))
  loop execute statement; end loop;
end $$;`;
