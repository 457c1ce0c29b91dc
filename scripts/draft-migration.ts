import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import { PrismaPGlite } from 'pglite-prisma-adapter';

const prismaFolder = join(import.meta.dirname, '../prisma');
const migrationsFolder = join(prismaFolder, 'migrations');
const filters = { externalTables: [], externalEnums: [] };

/** The SQL from the migrations to prisma/schema.prisma, by Prisma's schema engine; empty if nothing changed. Uses `scratch` as its shadow database. */
export async function draftMigration(scratch: PGlite): Promise<string> {
  loadEngine();
  const engine = await bindings.SchemaEngine.new(
    { datamodels: undefined },
    () => {},
    bindMigrationAwareSqlAdapterFactory(createAdapterFactory(scratch)),
  );
  const files = [{ path: 'schema.prisma', content: readFileSync(join(prismaFolder, 'schema.prisma'), 'utf8') }];
  const { exitCode, stdout } = await engine.diff({
    from: { tag: 'migrations', ...readMigrations() },
    to: { tag: 'schemaDatamodel', files },
    script: true,
    exitCode: true,
    filters,
  });
  return exitCode === 0 ? '' : (stdout ?? '').replace(auditForeignKeys, '').trimStart();
}

/** Audit events have relations without constraints (docs/decisions/0023). */
const auditForeignKeys = /-- AddForeignKey\nALTER TABLE "AuditEvent" .*\n*/g;

/** The adapter of version 0.7 does not wait for a script, so a script that fails would count as applied. */
function createAdapterFactory(pglite: PGlite) {
  const factory = new PrismaPGlite(pglite);
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    adapter.executeScript = async (script) => void (await pglite.exec(script));
    return adapter;
  };
  return factory;
}

/** The entry point of the package needs a bundler, so its WebAssembly is loaded here. */
function loadEngine() {
  const bindingsFile = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const module = new WebAssembly.Module(readFileSync(bindingsFile.replace(/\.js$/, '.wasm')));
  const { exports } = new WebAssembly.Instance(module, { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(exports);
  (exports.__wbindgen_start as () => void)();
}

function readMigrations() {
  const names = readdirSync(migrationsFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return {
    baseDir: migrationsFolder,
    lockfile: { path: 'migration_lock.toml', content: readFileSync(join(migrationsFolder, 'migration_lock.toml'), 'utf8') },
    shadowDbInitScript: '',
    migrationDirectories: names.map((path) => ({
      path,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok' as const, value: readFileSync(join(migrationsFolder, path, 'migration.sql'), 'utf8') },
      },
    })),
  };
}
