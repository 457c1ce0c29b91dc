import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { draftMigration } from './draft-migration.ts';

// npm run migrate -- new <name>  drafts a migration from the changes in prisma/schema.prisma.
// npm run migrate -- check       fails if the schema has changes without a migration; part of npm run check.
const [command, name] = process.argv.slice(2);
if (command !== 'check' && (command !== 'new' || !name || !/^[a-z0-9_]+$/.test(name))) {
  console.error('Usage: npm run migrate -- check | new <name>   (lowercase letters, digits and _)');
  process.exit(2);
}
const script = await draftMigration(new PGlite());
if (!script) {
  console.log('The schema has not changed since the last migration.');
  process.exit(0);
}
if (command === 'check') {
  console.error(`prisma/schema.prisma has changes without a migration. Run: npm run migrate -- new <name>\n\n${script}`);
  process.exit(1);
}
const timestamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
const folder = join(import.meta.dirname, '../prisma/migrations', `${timestamp}_${name}`);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'migration.sql'), script);
console.log(`Wrote prisma/migrations/${timestamp}_${name}/migration.sql. Review it before you commit it.`);
process.exit(0);
