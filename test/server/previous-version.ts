import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The version from which upgrades are tested: the last one before the newest migrations. To be changed with each release, and with a migration that
 * the version before it does not survive (docs/operations.md, Upgrade).
 */
const commit = 'f452fcb';

const root = join(import.meta.dirname, '../..');

const run = (command: string, args: readonly string[], cwd = root) =>
  spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env: { ...process.env, PATH: `${root}/node_modules/.bin:${process.env.PATH}` },
  });

/** True if the clone should contain the previous version: it is whole, and not a source archive. */
export const isWholeClone = run('git', ['rev-parse', '--is-shallow-repository']).stdout.trim() === 'false';

/** False in a source archive and in a shallow clone. */
export const isAvailable = run('git', ['cat-file', '-e', `${commit}^{commit}`]).status === 0;

/** Extracts the previous version into a temporary folder, with the packages of this one. */
export async function extractPreviousVersion() {
  const folder = await mkdtemp(join(tmpdir(), 'fieldgate-previous-'));
  const steps = [
    run('git', ['archive', '--output', join(folder, 'archive.tar'), commit]),
    run('tar', ['-xf', 'archive.tar'], folder),
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules')),
    run('prisma', ['generate'], folder),
  ];
  for (const step of steps) if (step?.status) throw new Error(`the previous version cannot be extracted: ${step.stderr}`);
  return {
    main: join(folder, 'src/server/main.ts'),
    admin: join(folder, 'scripts/admin.ts'),
    remove: () => rm(folder, { recursive: true }),
  };
}
