import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { printSchemaWithDirectives } from '@graphql-tools/utils';
import { schema } from '../src/schema/schema.ts';

// npm run schema: writes schema.graphql; with --check it only says whether the file is current.
const file = join(import.meta.dirname, '../schema.graphql');
const printed = `${printSchemaWithDirectives(schema)}\n`;
if (!process.argv.includes('--check')) writeFileSync(file, printed);
else if (readFileSync(file, 'utf8') !== printed) {
  console.error('schema.graphql is not current. Run: npm run schema');
  process.exit(1);
}
