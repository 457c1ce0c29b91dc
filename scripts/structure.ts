import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

// npm run structure: reads the imports of src/ and fails on an upward import, a cycle, or two folders that import each other
// (docs/architecture.md). The order of the layers stands here and nowhere else.

/** From the top down. A file imports from its own layer and from those below it. */
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

/** Imports that the order allows and the layer must not have: the engine knows nothing of the product. */
const selfContained = { authorization: ['lib'] } as const;

/** The nouns of `schema/`, from the top down; those of one row do not import each other, except as `withinRow` says. */
const nouns = [
  ['invitation', 'job'],
  ['account', 'auth'],
  ['audit', 'role', 'token'],
  ['access', 'domain', 'user'],
];

const root = join(import.meta.dirname, '..');
const longest = 300;

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
    if (!layers.includes(own)) return [`${file}: ${own} is no layer`];
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

/** Every folder below `src/`, at every depth, that imports another one which imports it. */
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

/** The folders in which two paths part: siblings below the folder that both are in. A file that lies in it counts as itself. */
function diverging(one: string, other: string): [string, string] {
  const [a, b] = [one.split('/'), other.split('/')];
  const at = a.findIndex((part, index) => part !== b[index]);
  return [a.slice(0, at + 1).join('/'), b.slice(0, at + 1).join('/')];
}

/** Circles of files, each named once by the path that leads around it. */
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
  return files.filter((file) => lengthOf(file) > longest).map((file) => `${file} has more than ${longest} lines`);
}
