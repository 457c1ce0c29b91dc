import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { draftMigration } from './draft-migration.ts';

// npm run migrate -- new <name>: drafts a migration from the changes in prisma/schema.prisma.
const [command, name] = process.argv.slice(2);
if (command !== 'new' || !name || !/^[a-z0-9_]+$/.test(name)) {
  console.error('Usage: npm run migrate -- new <name>   (lowercase letters, digits and _)');
  process.exit(2);
}
const script = await draftMigration(new PGlite());
if (!script) {
  console.log('The schema has not changed since the last migration.');
  process.exit(0);
}
const timestamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
const folder = join(import.meta.dirname, '../prisma/migrations', `${timestamp}_${name}`);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'migration.sql'), script);
console.log(`Wrote prisma/migrations/${timestamp}_${name}/migration.sql. Review it before you commit it.`);
process.exit(0);
