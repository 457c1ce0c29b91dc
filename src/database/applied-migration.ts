/** The connection that migrations run on; nothing else may use it meanwhile. */
export interface MigrationConnection {
  query<Row>(text: string, values: unknown[]): Promise<Row[]>;
  /** Runs any number of statements. */
  execute(script: string): Promise<unknown>;
}

const scratch = 'fieldgate_migration_check';

/**
 * True if the database has what the script creates and changes, and nothing of what it removes. Decided by running the scripts in a separate
 * schema: the code of an error would not tell whether the script has run or meets something else of that name. Not in one transaction, because a new
 * value of an enum cannot be used in the transaction that adds it.
 */
export async function isApplied(
  { query, execute }: MigrationConnection,
  earlierScripts: readonly string[],
  script: string,
): Promise<boolean> {
  const actual = new Set(await describeSchema({ query, execute }));
  await execute(`drop schema if exists ${scratch} cascade; create schema ${scratch}; set search_path = ${scratch}`);
  try {
    for (const earlier of earlierScripts) await execute(earlier);
    const before = await describeSchema({ query, execute });
    await execute(script);
    const after = await describeSchema({ query, execute });
    const added = after.filter((line) => !before.includes(line));
    const removed = before.filter((line) => !after.includes(line));
    return added.every((line) => actual.has(line)) && !removed.some((line) => actual.has(line));
  } finally {
    await execute(`set search_path = public; drop schema ${scratch} cascade`);
  }
}

/** Every object of the current schema, one line each. */
export async function describeSchema({ query }: MigrationConnection): Promise<string[]> {
  const rows = await query<{ line: string }>(objects, []);
  return rows.map(({ line }) => line);
}

// Functions may have settings that name the schema; they are left out.
const objects = `
  with here as (select oid, quote_ident(nspname) || '.' as prefix from pg_namespace where nspname = current_schema()),
  relations as (select c.* from pg_class c join here on c.relnamespace = here.oid where c.relname <> '_prisma_migrations'),
  lines as (
    select format('column %s %s %s %s %s', r.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) as line
    from relations r join pg_attribute a on a.attrelid = r.oid left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
    where r.relkind in ('r', 'v') and a.attnum > 0 and not a.attisdropped
    union all select format('relation %s %s', r.relkind, r.relname) from relations r where r.relkind <> 'c'
    union all select pg_get_indexdef(r.oid) from relations r where r.relkind = 'i'
    union all select format('view %s %s', r.relname, pg_get_viewdef(r.oid)) from relations r where r.relkind = 'v'
    union all select format('constraint %s %s %s', r.relname, c.conname, pg_get_constraintdef(c.oid))
    from pg_constraint c join relations r on r.oid = c.conrelid
    union all select pg_get_triggerdef(t.oid) from pg_trigger t join relations r on r.oid = t.tgrelid where not t.tgisinternal
    union all select format('function %s(%s) %s %s %s', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.prosrc, pg_get_function_sqlbody(p.oid))
    from pg_proc p join here on p.pronamespace = here.oid
    union all select format('value %s %s', t.typname, e.enumlabel) from pg_enum e join pg_type t on t.oid = e.enumtypid join here on t.typnamespace = here.oid
  )
  select replace(line, here.prefix, '') as line from lines, here order by 1`;
