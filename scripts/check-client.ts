import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Part of npm run check: fails if src/database/generated, which is committed, is not what `prisma generate` writes now (docs/decisions/0050).

const root = join(import.meta.dirname, '..');
const copy = mkdtempSync(join(tmpdir(), 'fieldgate-client-'));
try {
  const schema = join(copy, 'prisma/schema.prisma');
  cpSync(join(root, 'prisma/schema.prisma'), schema); // its outputs are relative to it
  const command = [join(root, 'node_modules/prisma-cli/build/index.js'), 'generate', '--schema', schema];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`prisma generate failed.\n${stdout}${stderr}`);
  if (generatedFiles(copy) !== generatedFiles(root)) {
    console.error('src/database/generated is not current. Run: npx prisma generate');
    process.exitCode = 1;
  }
} finally {
  rmSync(copy, { recursive: true });
}

function generatedFiles(folder: string): string {
  const names = globSync('src/database/generated/**/*.ts', { cwd: folder }).sort();
  return JSON.stringify(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}
