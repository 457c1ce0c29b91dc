import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const home = join(import.meta.dirname, '..');
const installed = join(home, '../../node_modules');

/** Runs a command. Throws its output if it fails. */
export function run(folder: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

/** A folder with the package installed as published, the examples and their dependencies. */
export function installPackage(needed: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'fieldgate-verifier-'));
  run(home, 'npm', 'pack', '--silent', '--pack-destination', folder);
  const [tarball = ''] = readdirSync(folder);
  const place = join(folder, 'node_modules/@fieldgate/verifier');
  mkdirSync(place, { recursive: true });
  run(folder, 'tar', '-xzf', tarball, '-C', place, '--strip-components=1');
  for (const name of needed) {
    mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true });
    symlinkSync(join(installed, name), join(folder, 'node_modules', name), 'dir');
  }
  cpSync(join(home, 'examples'), folder, { recursive: true });
  return { folder, place, remove: () => rmSync(folder, { recursive: true }) };
}
