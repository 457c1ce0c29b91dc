import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { createEmbeddedAdapterFactory } from '../src/database/embedded-postgres.ts';
import { draftMigration } from '../src/database/migrate.ts';

// npm run migrate -- new <name>: writes a migration from what changed in prisma/schema.prisma.
const [verb, name] = process.argv.slice(2);
if (verb !== 'new' || !name || !/^[a-z0-9_]+$/.test(name)) {
  console.error('Usage: npm run migrate -- new <name>   (lower-case letters, digits and _)');
  process.exit(2);
}
const script = await draftMigration(createEmbeddedAdapterFactory(new PGlite()));
if (!script) {
  console.log('The schema has not changed since the last migration.');
  process.exit(0);
}
const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
const folder = join(import.meta.dirname, '../prisma/migrations', `${stamp}_${name}`);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'migration.sql'), script);
console.log(`Wrote prisma/migrations/${stamp}_${name}/migration.sql. Read it before you commit it.`);
process.exit(0);
