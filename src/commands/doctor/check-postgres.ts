import type pg from 'pg';
import type { Config } from '../../config.ts';
import { connect, sessionOf, settingError, userOf } from '../../database/connect.ts';
import { type Database, type DatabaseTargets, sql } from '../../database/database.ts';
import { requireUsablePooler } from '../../database/pooler-check.ts';
import { checkDatabase, prepareSession, statementLimits } from '../../database/session.ts';
import { type Finding, runCheck } from './finding.ts';

type Query = Pick<Database, 'query'>;

/** Checks whether a server can run on this PostgreSQL, then what is in it with `checkContent`. Changes nothing. */
export async function checkPostgres(
  config: Config,
  targets: DatabaseTargets,
  checkContent: (db: Query) => Promise<Finding[]>,
): Promise<Finding[]> {
  let client: pg.Client | undefined;
  try {
    const connection = await runCheck('database', async ({ ok }) => {
      client = await connect(targets.direct);
      const session = sessionOf(client);
      await prepareSession(session, statementLimits)
        .then(() => checkDatabase(session))
        .catch((error: Error) => {
          throw settingError(targets.direct, error.message, error);
        });
      const [{ version } = { version: '' }] = await session.query<{ version: string }>(
        `select split_part(current_setting('server_version'), ' ', 1) as version`,
        [],
      );
      ok(`PostgreSQL ${version}, encoding UTF8, accepts the user`);
    });
    if (!client || connection.some(({ status }) => status === 'problem')) return connection;
    const db = queryOn(client);
    return [
      ...connection,
      ...(await checkPooler(config, targets)),
      ...(await checkConnections(db, config)),
      ...(await checkRights(db, userOf(targets.main))),
      ...(await checkContent(db)),
    ];
  } finally {
    await client?.end();
  }
}

const queryOn = (client: pg.Client): Query => ({
  query: async <Row>({ text, values }: Parameters<Query['query']>[0]) => (await client.query(text, [...values])).rows as Row[],
});

const checkPooler = (config: Config, targets: DatabaseTargets) =>
  runCheck('pooler', async ({ ok }) => {
    await requireUsablePooler(config, targets, { ...statementLimits, 'fieldgate.notify': config.REDIS_URL ? 'off' : 'on' });
    ok(config.DATABASE_POOLER ? `mode ${config.DATABASE_POOLER}, as declared` : 'none');
  });

const checkConnections = (db: Query, { DATABASE_POOL, DATABASE_POOLER }: Config) =>
  runCheck('connections', async ({ ok, warning, problem }) => {
    const [row] = await db.query<{ limit: number; others: number }>(sql`
      select least(
          current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
          (select case when rolconnlimit < 0 then null else rolconnlimit end from pg_roles where rolname = current_user),
          (select case when datconnlimit < 0 then null else datconnlimit end from pg_database where datname = current_database())
        ) as limit,
        (select count(*)::int from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()) as others`);
    const { limit = 0, others = 0 } = row ?? {};
    const needed = DATABASE_POOL + 1; // one more listens for notifications
    const text = `${others} of ${limit} connections are in use, and a server takes up to ${needed}`;
    if (DATABASE_POOLER !== 'transaction' && needed > limit) problem(`${text}; lower DATABASE_POOL or raise max_connections`);
    else if (others >= limit - 1) warning(`${text}; raise max_connections`);
    else ok(text);
  });

/** The user of the connection migrates; `user`, by default the same one, serves. */
const checkRights = (db: Query, user: string | undefined) =>
  runCheck('rights', async ({ ok, problem, warning }) => {
    const [row] = await db.query<{ mayCreate: boolean; hasTables: boolean; tables: string[]; writers: string[] }>(sql`
      select has_schema_privilege('public', 'create') as "mayCreate",
        exists (select from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r') as "hasTables", array(
        select distinct format('%s on %s', case when grantee = 0 then 'PUBLIC' else pg_get_userbyid(grantee) end, relname)
        from pg_class, aclexplode(relacl) where relnamespace = 'public'::regnamespace and relkind = 'r' and grantee <> relowner
          and (relname = 'AuditEvent' and privilege_type in ('UPDATE', 'DELETE', 'TRUNCATE')
            or relname = any(${ownedTables}::text[]) and privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'))
        order by 1) as writers, array(
        select relname::text from (
          select oid, relname, relkind, relname = any(${ownedTables}::text[]) as owned, coalesce(${user ?? null}::name, current_user) as served_by from pg_class
          where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')) c
        where not has_table_privilege(served_by, oid, 'select')
          or relkind = 'r' and not owned and not has_table_privilege(served_by, oid, 'insert')
          or relkind = 'r' and not owned and relname <> 'AuditEvent'
            and not (has_table_privilege(served_by, oid, 'update') and has_table_privilege(served_by, oid, 'delete'))
        order by 1) as tables`);
    const { mayCreate = false, hasTables = false, tables = [], writers = [] } = row ?? {};
    if (!hasTables && !mayCreate)
      return problem('the database has no tables, and the user may not create them; migrate as their owner before the first start');
    if (writers.length > 0)
      warning(
        `a role other than the owner may change the audit or the migrations: ${writers.join(', ')}; revoke that (docs/operations.md, Two database roles)`,
      );
    if (tables.length > 0)
      return problem(
        `the user of the database lacks privileges on ${tables.join(', ')}; grant them (docs/operations.md, Two database roles)`,
      );
    if (!hasTables) return ok('the user may create the tables');
    if (mayCreate) return ok('the user may read, write and migrate');
    warning('the user may read and write, but not migrate; migrate as the owner of the tables before each new version');
  });

// The tables that only functions with the rights of the owner write (docs/operations.md, Two database roles).
const ownedTables = ['AuditChain', 'AuditAnchor', 'AuditQueue', '_prisma_migrations'];
