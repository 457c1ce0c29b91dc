import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

// npm run structure: reads the imports of src/ and fails on an upward import, a cycle, two folders that import each other, and files that are
// too long (docs/architecture.md). This file defines the order of the layers. It also fails where a node's clock is read (docs/decisions/0045).

/** From the top down. A file may import from its own layer and from the layers below. */
const layers = [
  'server',
  'commands',
  'endpoints',
  'transport',
  'schema',
  'graphql',
  'policy',
  'identity',
  'mail',
  'database',
  'authorization',
  'metrics.ts',
  'errors.ts',
  'config.ts',
  'logger.ts',
  'log-events.ts',
  'lib',
];

/** What layers may not import although it lies below: the engine is independent of the product, and the layers below `policy` do without it. */
const forbidden: Readonly<Record<string, readonly string[]>> = {
  authorization: ['errors.ts', 'config.ts', 'metrics.ts', 'logger.ts', 'log-events.ts'],
  identity: ['authorization'],
  mail: ['authorization'],
  database: ['authorization'],
};

/** The folders of `schema/`, from the top down, below the table of contents. Those of one row may import each other in one direction. */
const nouns = [
  ['invitation', 'job'],
  ['account', 'auth'],
  ['audit', 'role', 'token'],
  ['access', 'domain', 'user'],
];

const root = join(import.meta.dirname, '..');
const maxLines = { median: 60, longest: 300 };

const files = globSync('src/**/*.ts', { cwd: root }).filter((file) => !file.includes('/generated/'));
const text = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));

const lengths = files.map(lengthOf).sort((a, b) => a - b);
const median = lengths[Math.floor(lengths.length / 2)] ?? 0;
// The first compares the clocks; the second reads an archive without a database.
const ownClock = new Set(['src/database/clock-offset.ts', 'src/commands/backup/postgres-archive.ts']);

const faults = [...upwardImports(), ...mutualFolders(), ...cycles(), ...longFiles(), ...nodeClocks()];
for (const fault of faults) console.error(fault);
console.log(`${files.length} files, median ${median} lines, longest ${lengths.at(-1)}; ${faults.length} faults`);
if (faults.length > 0) process.exit(1);

/** Where the time of a node is used: by JavaScript, by jose, which dates tokens by itself, or by Prisma, which fills in such defaults itself. */
function nodeClocks(): string[] {
  const inCode = /new Date\(\)|\bDate\.now\b|\bDate\(\)|\.setIssuedAt\(\)|\.set(?:ExpirationTime|NotBefore)\(['"`]/;
  const inSchema = /@default\(now\(\)\)|@updatedAt/;
  const sources = [...files.filter((file) => !ownClock.has(file)), 'scripts/admin.ts'];
  return [...sources.map((file) => [file, inCode] as const), ['prisma/schema.prisma', inSchema] as const].flatMap(([file, pattern]) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${file}:${index + 1} reads the clock of the node: use the time of the database`] : [],
      ),
  );
}

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
    if (own === 'schema' && nounRank(file) === -1) return [`${file}: ${file.split('/')[2]} is not in the order of nouns`];
    const allowed = layers.slice(layers.indexOf(own)).filter((layer) => !forbidden[own]?.includes(layer));
    const isUpward = (target: string) =>
      !allowed.includes(layerOf(target)) || (own === 'schema' && layerOf(target) === 'schema' && nounRank(target) < nounRank(file));
    return importsOf(file)
      .filter(isUpward)
      .map((target) => `${file} may not import ${target}`);
  });
}

/** The row of the noun that a file of `schema/` belongs to; -1 if there is none. The table of contents is above all. */
function nounRank(file: string): number {
  return [['schema.ts'], ...nouns].findIndex((row) => row.includes(file.split('/')[2] ?? ''));
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
  const long = files.filter((file) => lengthOf(file) > maxLines.longest).map((file) => `${file} has more than ${maxLines.longest} lines`);
  return median > maxLines.median ? [...long, `the median file has more than ${maxLines.median} lines`] : long;
}
