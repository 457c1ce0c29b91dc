import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';

const root = join(import.meta.dirname, '../../prisma');
const filters = { externalTables: [], externalEnums: [] };

/** Applies the migrations that the database lacks, by Prisma's own schema engine. Throws when the database is newer or half migrated. */
export async function migrate(factory: SqlMigrationAwareDriverAdapterFactory) {
  await refuseUnfit(factory);
  const engine = await openEngine(factory);
  try {
    await engine.applyMigrations({ migrationsList: migrationsList(), filters });
  } finally {
    engine.free();
  }
}

/** The SQL that leads from the migrations to the schema; empty when nothing changed. The database of `factory` is scratch. */
export async function draftMigration(factory: SqlMigrationAwareDriverAdapterFactory): Promise<string> {
  const engine = await openEngine(factory);
  const files = [{ path: 'schema.prisma', content: readFileSync(join(root, 'schema.prisma'), 'utf8') }];
  const drawn = await engine.diff({
    from: { tag: 'migrations', ...migrationsList() },
    to: { tag: 'schemaDatamodel', files },
    script: true,
    exitCode: true,
    filters,
  });
  return drawn.exitCode === 0 ? '' : (drawn.stdout ?? '').replace(unconstrained, '').trimStart();
}

/** The relations of the audit: an event outlives whom it names (docs/decisions/0023). */
const unconstrained = /-- AddForeignKey\nALTER TABLE "AuditEvent" .*\n*/g;

async function refuseUnfit(factory: SqlMigrationAwareDriverAdapterFactory) {
  const adapter = await factory.connect();
  try {
    const read = (sql: string) => adapter.queryRaw({ sql, args: [], argTypes: [] });
    const known = await read("select to_regclass('_prisma_migrations')::text");
    if (!known.rows[0]?.[0]) return;
    const { rows } = await read('select migration_name, finished_at is null from _prisma_migrations where rolled_back_at is null');
    const ours = new Set(migrationNames());
    for (const [name, unfinished] of rows as [string, boolean][]) {
      if (unfinished)
        throw new Error(
          `The migration ${name} did not finish. Restore the database from its backup, or undo by hand what is there of it and set rolled_back_at in its row of _prisma_migrations; docs/operations.md says more.`,
        );
      if (!ours.has(name))
        throw new Error(
          `The database has the migration ${name}, which this version does not know. Start the version that made it, or a newer one.`,
        );
    }
  } finally {
    await adapter.dispose();
  }
}

async function openEngine(factory: SqlMigrationAwareDriverAdapterFactory) {
  load();
  return bindings.SchemaEngine.new({ datamodels: undefined }, () => {}, bindMigrationAwareSqlAdapterFactory(factory));
}

let loaded = false;

/** The package's own entry wants a bundler; Node loads its WebAssembly by hand. */
function load() {
  if (loaded) return;
  const bindingsFile = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const file = bindingsFile.replace(/\.js$/, '.wasm');
  const module = new WebAssembly.Module(readFileSync(file));
  const { exports } = new WebAssembly.Instance(module, { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(exports);
  (exports.__wbindgen_start as () => void)();
  loaded = true;
}

const migrationNames = () =>
  readdirSync(join(root, 'migrations'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();

function migrationsList() {
  const read = (name: string) => readFileSync(join(root, 'migrations', name, 'migration.sql'), 'utf8');
  return {
    baseDir: join(root, 'migrations'),
    lockfile: { path: 'migration_lock.toml', content: readFileSync(join(root, 'migrations/migration_lock.toml'), 'utf8') },
    shadowDbInitScript: '',
    migrationDirectories: migrationNames().map((path) => ({
      path,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: read(path) } },
    })),
  };
}
