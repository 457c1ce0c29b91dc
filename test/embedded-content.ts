import type { PGlite } from '@electric-sql/pglite';

/** The content of a migrated database: its schema as one hash, the rows that migrations insert, and the state of its sequences. */
export interface DatabaseContent {
  readonly schemaHash: string;
  readonly rows: ReadonlyMap<string, string>;
  readonly sequences: readonly { readonly name: string; readonly value: string; readonly isCalled: boolean }[];
}

export async function readContent(pglite: PGlite): Promise<DatabaseContent> {
  const rows = new Map<string, string>();
  for (const table of await tablesOf(pglite)) {
    const { rows: found } = await pglite.query<{ content: string | null }>(`select json_agg(t)::text as content from ${table} t`);
    if (found[0]?.content) rows.set(table, found[0].content);
  }
  const names = await pglite.query<{ name: string }>(`select oid::regclass::text as name from pg_class where relkind = 'S' order by 1`);
  const sequences = [];
  for (const { name } of names.rows) {
    const { rows: state } = await pglite.query<{ value: string; isCalled: boolean }>(
      `select last_value::text as value, is_called as "isCalled" from ${name}`,
    );
    for (const { value, isCalled } of state) sequences.push({ name, value, isCalled });
  }
  return { schemaHash: await schemaHashOf(pglite), rows, sequences };
}

/** Makes the content as it was; false if the schema is another one, which a truncation cannot undo. */
export async function restoreContent(pglite: PGlite, content: DatabaseContent): Promise<boolean> {
  await pglite.exec('unlisten *; discard temp');
  if ((await schemaHashOf(pglite)) !== content.schemaHash) return false;
  const tables = await tablesOf(pglite);
  await pglite.transaction(async (tx) => {
    await tx.exec(`set local session_replication_role = replica; truncate ${tables.join(', ')} cascade`);
    for (const [table, rows] of content.rows)
      await tx.query(`insert into ${table} overriding system value select * from json_populate_recordset(null::${table}, $1::json)`, [
        rows,
      ]);
    for (const { name, value, isCalled } of content.sequences)
      await tx.query('select setval($1::regclass, $2::bigint, $3)', [name, value, isCalled]);
  });
  return true;
}

async function tablesOf(pglite: PGlite): Promise<string[]> {
  const { rows } = await pglite.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace order by 1`,
  );
  return rows.map(({ name }) => name);
}

/** A hash of what a test may have added to the schema: tables, columns, indexes, constraints, functions, triggers, types. */
async function schemaHashOf(pglite: PGlite): Promise<string> {
  const { rows } = await pglite.query<{ hash: string }>(`
    select md5(string_agg(part, '|' order by part)) as hash from (
      select concat_ws(' ', 'class', oid, relname, relkind) as part from pg_class where relnamespace = 'public'::regnamespace
      union all select concat_ws(' ', 'column', attrelid, attname, atttypid, attnotnull, attisdropped, pg_get_expr(adbin, adrelid))
        from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
        join pg_class c on c.oid = attrelid and c.relnamespace = 'public'::regnamespace
      union all select concat_ws(' ', 'constraint', conname, convalidated, pg_get_constraintdef(oid))
        from pg_constraint where connamespace = 'public'::regnamespace
      union all select concat_ws(' ', 'function', proname, md5(prosrc)) from pg_proc where pronamespace = 'public'::regnamespace
      union all select concat_ws(' ', 'trigger', tgname, tgrelid, tgenabled, tgfoid) from pg_trigger
      union all select concat_ws(' ', 'type', typname, typtype) from pg_type where typnamespace = 'public'::regnamespace
      union all select concat_ws(' ', 'label', enumtypid, enumlabel) from pg_enum
    ) as parts`);
  return rows[0]?.hash ?? '';
}
