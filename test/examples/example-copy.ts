import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '../..');

/** An example: files that are new, at the paths that they have in the repository, and a diff of those that change. */
export interface Example {
  readonly name: string;
  readonly newFiles: readonly string[];
  readonly changedFiles: readonly string[];
}

/** The examples of the repository, by name. */
export async function readExamples(): Promise<Example[]> {
  const names = (await readdir(join(root, 'examples'))).sort();
  return Promise.all(names.map(readExample));
}

async function readExample(name: string): Promise<Example> {
  const folder = join(root, 'examples', name);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  const diff = await readFile(join(folder, 'changes.diff'), 'utf8');
  const changedFiles = [...diff.matchAll(/^\+\+\+ b\/(?<file>.+)$/gm)].map(({ groups }) => groups?.file ?? '');
  return { name, newFiles: files.filter((file) => file !== 'changes.diff').sort(), changedFiles: changedFiles.sort() };
}

/** The lines that an example adds, in its new files and by its diff. */
export async function addedLines({ name, newFiles }: Example): Promise<string> {
  const read = (file: string) => readFile(join(root, 'examples', name, file), 'utf8');
  const diff = await read('changes.diff');
  const added = [...diff.matchAll(/^\+(?!\+\+ )(?<line>.*)$/gm)].map(({ groups }) => groups?.line ?? '');
  return [...(await Promise.all(newFiles.map(read))), added.join('\n')].join('\n');
}

/** A copy of the repository in a temporary folder, with the packages of the original. */
export async function copyRepository() {
  const folder = await mkdtemp(join(tmpdir(), 'fieldgate-'));
  const skipped = ['.git', 'node_modules', 'data', 'examples'];
  const names = (await readdir(root)).filter((name) => !skipped.includes(name));
  for (const name of names) await cp(join(root, name), join(folder, name), { recursive: true });
  // One link per package, so that what tools cache in node_modules stays in the copy.
  await mkdir(join(folder, 'node_modules'));
  const packages = (await readdir(join(root, 'node_modules'))).filter((name) => !name.startsWith('.') || name === '.bin');
  for (const name of packages) await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name));

  /** Runs a shell command in the copy. Never rejects. */
  async function run(command: string): Promise<{ code: number; output: string }> {
    const { PATH = '', HOME = '', TEST_DATABASE_URL = '' } = process.env;
    const env = { PATH: `${folder}/node_modules/.bin:${PATH}`, HOME, TEST_DATABASE_URL, NO_COLOR: '1' };
    try {
      const { stdout, stderr } = await promisify(execFile)('sh', ['-c', command], { cwd: folder, env, maxBuffer: 2 ** 26 });
      return { code: 0, output: stdout + stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code?: number; stdout?: string; stderr?: string };
      return { code: code ?? 1, output: `${stdout}${stderr}` };
    }
  }

  /** Runs a command that must succeed. */
  async function succeed(command: string): Promise<void> {
    const { code, output } = await run(command);
    if (code !== 0) throw new Error(`${command} ended with ${code}:\n${output}`);
  }

  async function apply({ name, newFiles }: Example): Promise<void> {
    const source = join(root, 'examples', name);
    // One line of context places a change; line numbers and alignment do not matter.
    await succeed(`git apply --recount --unidiff-zero --ignore-whitespace ${join(source, 'changes.diff')}`);
    for (const file of newFiles) await cp(join(source, file), join(folder, file), { errorOnExist: true, force: false });
  }

  /** Replaces text in a file while a command runs. */
  async function withReplaced<T>(file: string, [from, to]: readonly [from: RegExp, to: string], work: () => Promise<T>): Promise<T> {
    const path = join(folder, file);
    const text = await readFile(path, 'utf8');
    if (!from.test(text)) throw new Error(`${file} does not contain ${from}`);
    await writeFile(path, text.replace(from, to));
    try {
      return await work();
    } finally {
      await writeFile(path, text);
    }
  }

  return { run, succeed, apply, withReplaced, remove: () => rm(folder, { recursive: true, force: true }) };
}
