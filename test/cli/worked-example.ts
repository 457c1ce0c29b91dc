import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { spawnProcess } from './process.ts';

const root = join(import.meta.dirname, '../..');

/** A copy of the repository in a temporary folder that links the packages of the original. */
export async function copyRepository() {
  const folder = await mkdtemp(join(tmpdir(), 'fieldgate-'));
  const left = ['.git', 'node_modules', 'data'];
  const names = (await readdir(root)).filter((name) => !left.includes(name));
  for (const name of names) await cp(join(root, name), join(folder, name), { recursive: true });
  // Links each package separately, so that caches of tools in node_modules stay in the copy.
  await mkdir(join(folder, 'node_modules'));
  const packages = (await readdir(join(root, 'node_modules'))).filter((name) => !name.startsWith('.') || name === '.bin');
  for (const name of packages) await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name));

  /** Runs a shell command in the copy. */
  async function run(command: string, environment: Record<string, string> = {}) {
    const line = `cd "$0" && PATH="$0/node_modules/.bin:$PATH" && ${command}`;
    const { output: said, ended } = spawnProcess('sh', ['-c', line, folder], {
      NO_COLOR: '1',
      npm_config_update_notifier: 'false',
      ...environment,
    });
    return { code: await ended, said: said.out + said.err };
  }
  const read = (file: string) => readFile(join(folder, file), 'utf8');
  const write = (file: string, text: string) => writeFile(join(folder, file), text);
  /** Creates a file; fails if it exists. */
  async function add(file: string, text: string) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text, { flag: 'wx' });
  }
  return { run, read, write, add, remove: () => rm(folder, { recursive: true, force: true }) };
}

export type Copy = Awaited<ReturnType<typeof copyRepository>>;

/** A fenced code block of a document with its info string. */
export interface Block {
  readonly language: string;
  readonly file?: string | undefined;
  readonly in?: string | undefined;
  readonly after?: string | undefined;
  readonly before?: string | undefined;
  /** The line that it replaces. */
  readonly instead?: string | undefined;
  readonly at?: string | undefined;
  readonly text: string;
}

/** The fenced blocks of a section of CONTRIBUTING, in their order. */
export async function blocksOf(section: string): Promise<Block[]> {
  const document = await readFile(join(root, 'CONTRIBUTING.md'), 'utf8');
  const [, body = ''] = new RegExp(`\n## ${section}\n(.*?)(?=\n## |$)`, 's').exec(document) ?? [];
  return [...body.matchAll(/^( *)```(\w+)([^\n]*)\n(.*?)^\1```$/gms)].map(([, indent = '', language = '', said = '', lines = '']) => ({
    language,
    ...Object.fromEntries([...said.matchAll(/(\w+)=(?:"([^"]*)"|(\S+))/g)].map(([, name, quoted, plain]) => [name, quoted ?? plain])),
    text: lines.replace(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** Applies a block: runs its commands, creates its file or inserts it into one. */
export async function apply(copy: Copy, block: Block) {
  const { language, file, text } = block;
  if (language === 'bash') {
    const { code, said } = await copy.run(`set -e; ${text}`);
    if (code !== 0) throw new Error(`${text}ended with ${code}: ${said}`);
  } else if (file) await copy.add(file, text);
  else if (block.in) await copy.write(block.in, insertBlock(await copy.read(block.in), block));
  else throw new Error(`a block does not say where it goes: ${text}`);
}

/** Inserts the block beside the line that it names, which must be unique, with the same indentation. */
function insertBlock(before: string, { in: file, after, before: until, instead, at, text }: Block): string {
  if (at === 'end') return `${before}\n${text}`;
  const lines = before.split('\n');
  const beside = normalizeSpace(after ?? until ?? instead ?? '');
  const found = lines.flatMap((line, index) => (normalizeSpace(line) === beside ? [index] : []));
  const [place, ...more] = found;
  if (place === undefined || more.length > 0) throw new Error(`${file} has ${found.length} lines "${beside}"`);
  const [indent = ''] = /^ */.exec(lines[place] ?? '') ?? [];
  const added = text.trimEnd().replace(/^(?=.)/gm, indent);
  return lines.toSpliced(after === undefined ? place : place + 1, instead === undefined ? 0 : 1, added).join('\n');
}

const normalizeSpace = (line: string) => line.trim().replace(/\s+/g, ' ');
