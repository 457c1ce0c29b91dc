import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

// npm run structure: reads the imports of src/ and fails on an upward import, a cycle, two folders that import each other, or a file that is
// too long (docs/architecture.md). This file defines the order of the layers.

/** From the top down. A file may import from its own layer and from the layers below. */
const layers = [
  'server',
  'endpoints',
  'transport',
  'schema',
  'graphql',
  'policy',
  'identity',
  'mail',
  'database',
  'authorization',
  'errors.ts',
  'config.ts',
  'lib',
];

/** Layers that may import less than the order allows: the authorization engine is independent of the product. */
const selfContained = { authorization: ['lib'] } as const;

/** The folders of `schema/`, from the top down. Those of one row may import each other in one direction. */
const nouns = [
  ['invitation', 'job'],
  ['account', 'auth'],
  ['audit', 'role', 'token'],
  ['access', 'domain', 'user'],
];

const root = join(import.meta.dirname, '..');
const maxLines = 300;

const files = globSync('src/**/*.ts', { cwd: root }).filter((file) => !file.includes('/generated/'));
const text = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));

const faults = [...upwardImports(), ...mutualFolders(), ...cycles(), ...longFiles()];
for (const fault of faults) console.error(fault);
const lengths = files.map(lengthOf).sort((a, b) => a - b);
console.log(
  `${files.length} files, median ${lengths[Math.floor(lengths.length / 2)]} lines, longest ${lengths.at(-1)}; ${faults.length} faults`,
);
if (faults.length > 0) process.exit(1);

function lengthOf(file: string): number {
  return (text.get(file) ?? '').trimEnd().split('\n').length;
}

/** The files of `src/` that a file imports, types included. */
function importsOf(file: string): string[] {
  const source = text.get(file) ?? '';
  const targets = [...source.matchAll(/^(?:import|export)\b[^;]*?'(?<path>\.[^']+)'|\bimport\('(?<dynamic>\.[^']+)'\)/gm)].map(
    ({ groups }) => normalize(join(dirname(file), groups?.path ?? groups?.dynamic ?? '')),
  );
  return [...new Set(targets)].filter((target) => target.startsWith('src/'));
}

function layerOf(file: string): string {
  return file.split('/')[1] ?? '';
}

function upwardImports(): string[] {
  return files.flatMap((file) => {
    const own = layerOf(file);
    if (!layers.includes(own)) return [`${file}: ${own} is not a layer`];
    const allowed = own in selfContained ? [own, ...selfContained[own as keyof typeof selfContained]] : layers.slice(layers.indexOf(own));
    const upward = importsOf(file).filter((target) => !allowed.includes(layerOf(target)));
    return [...upward, ...(own === 'schema' ? importsOf(file).filter((target) => isUpwardNoun(file, target)) : [])].map(
      (target) => `${file} imports ${target}, which is above it`,
    );
  });
}

function isUpwardNoun(file: string, target: string): boolean {
  const rank = (path: string) => nouns.findIndex((row) => row.includes(path.split('/')[2] ?? ''));
  if (layerOf(target) !== 'schema' || rank(file) === -1 || rank(target) === -1) return false;
  return rank(target) < rank(file);
}

/** Pairs of folders, at every depth, that import each other. */
function mutualFolders(): string[] {
  const edges = new Map<string, string>();
  for (const file of files) {
    for (const target of importsOf(file).filter((one) => text.has(one))) {
      const [from, to] = diverging(file, target);
      if (from !== to) edges.set(`${from} ${to}`, `${file} imports ${target}`);
    }
  }
  return [...edges].flatMap(([edge, example]) => {
    const [from = '', to = ''] = edge.split(' ');
    const back = edges.get(`${to} ${from}`);
    return back && from < to ? [`${from} and ${to} import each other: ${example}; ${back}`] : [];
  });
}

/** The siblings below the deepest common folder of two paths: folders, or the files themselves. */
function diverging(one: string, other: string): [string, string] {
  const [a, b] = [one.split('/'), other.split('/')];
  const at = a.findIndex((part, index) => part !== b[index]);
  return [a.slice(0, at + 1).join('/'), b.slice(0, at + 1).join('/')];
}

/** Cycles of files, each as its path. */
function cycles(): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const found: string[] = [];
  const visit = (file: string) => {
    const start = path.indexOf(file);
    if (start !== -1) found.push(`cycle: ${[...path.slice(start), file].join(' → ')}`);
    if (start !== -1 || done.has(file)) return;
    path.push(file);
    for (const target of importsOf(file).filter((one) => text.has(one))) visit(target);
    path.pop();
    done.add(file);
  };
  files.forEach(visit);
  return found;
}

function longFiles(): string[] {
  return files.filter((file) => lengthOf(file) > maxLines).map((file) => `${file} has more than ${maxLines} lines`);
}
