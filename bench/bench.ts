import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { keepBeside, pins, startChild, stopChild } from './children.ts';
import { median } from './measured.ts';
import { printProfile } from './profile.ts';
import { mark, printTable, row } from './report.ts';
import { compare } from './rounds.ts';
import { measureStarts } from './startup.ts';
import { countStatements } from './statements.ts';
import { measureSubscribers } from './subscribers.ts';
import { startLimit, workloads } from './workloads.ts';
import { openWorld, type World } from './world.ts';

type Name = keyof typeof workloads;

// The first targets of the core; where we are going lies further: me 0.40, list 0.50, login 0.97, refresh 0.60.
const targets: Record<Name, number> = { me: 0.2, list: 0.2, login: 0.95, refresh: 0.4 };
const others = { statements: printStatements, subscribers: printSubscribers, starts: printStarts };
const names = [...Object.keys(workloads), ...Object.keys(others)];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { profile: { type: 'boolean' }, rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' } },
});
const wanted = positionals.length > 0 ? positionals : names;
const unknown = wanted.find((name) => !names.includes(name));
if (unknown) throw new Error(`${unknown} is none of: ${names.join(', ')}`);

const world = await openWorld((folder) => (values.profile ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : [])).catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void world.close().then(() => process.exit(1)));
try {
  if (values.profile) await profile(world);
  else await measure(world);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await world.close();
}

async function measure(on: World) {
  const compared = (Object.keys(workloads) as Name[]).filter((name) => wanted.includes(name));
  console.log(
    `Node ${process.version}; ${pins ? 'each side alone on one core' : 'not pinned to a core'}; ${values.rounds} pairs of ${values.seconds} s\n`,
  );
  if (compared.length > 0) await comparisons(on, compared);
  for (const [name, print] of Object.entries(others)) if (wanted.includes(name)) await print(on);
}

function startLoad() {
  return startChild('beside', join(import.meta.dirname, 'load.ts'), {});
}

async function comparisons(on: World, chosen: readonly Name[]) {
  const load = startLoad();
  const limit = startLimit(on.environment);
  const rows: string[][] = [];
  const times = {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    warm: async () => keepBeside(await on.scratch.backends()),
  };
  for (const name of chosen) {
    const sides = await workloads[name](on, load, limit);
    rows.push(row(name, await compare(sides.ours, sides.limit, times), targets[name]));
  }
  await Promise.all([load, limit].map(stopChild));
  printTable(rows);
}

async function printStatements(on: World) {
  const rows: string[][] = [];
  const counted = await countStatements(on);
  for (const [name, statements] of counted) {
    const isMet =
      name === 'me' ? statements.length <= 2 : statements.length <= (counted.get('list of 10')?.length ?? 0) || !name.startsWith('list');
    rows.push([name, String(statements.length), name === 'me' ? '≤ 2' : name === 'list of 50' ? 'as list of 10' : '', mark(isMet)]);
  }
  console.log('');
  printTable(rows, ['statements of', 'count', 'target', '']);
  if (wanted.length === 1)
    for (const [name, statements] of counted) console.log(`\n${name}\n${statements.map((one) => `  ${one}`).join('\n')}`);
}

async function printSubscribers(on: World) {
  const { p50, p99, last, bytes } = await measureSubscribers(on);
  console.log('');
  printTable(
    [
      ['from commit to a subscriber, p50', `${p50.toFixed(0)} ms`, '', ''],
      ['from commit to a subscriber, p99', `${p99.toFixed(0)} ms`, '≤ 250 ms', mark(p99 <= 250)],
      ['from commit to the last one, worst of 10', `${last.toFixed(0)} ms`, '', ''],
      ['memory of the server a subscriber', `${(bytes / 1000).toFixed(0)} kB`, '≤ 50 kB', mark(bytes <= 50_000)],
    ],
    ['one revocation to 1,100 subscribers', '', 'target', ''],
  );
}

async function printStarts({ folder }: World) {
  const { first, second } = await measureStarts(folder);
  console.log('');
  printTable(
    [
      ['on no data', `${(first / 1000).toFixed(2)} s`, '', ''],
      ['on data (median of 3)', `${(median(second) / 1000).toFixed(2)} s`, '≤ 2 s', mark(median(second) <= 2_000)],
    ],
    ['npm start to the first answer', '', 'target', ''],
  );
}

async function profile(on: World) {
  const load = startLoad();
  const name = (Object.keys(workloads) as Name[]).find((one) => positionals.includes(one)) ?? 'me';
  const { ours } = await workloads[name](on, load, startLimit(on.environment));
  await ours.run(5_000);
  keepBeside(await on.scratch.backends()); // a database that takes the server's core shows as time in the write that woke it
  const from = process.hrtime.bigint();
  const { count, perSecond } = await ours.run(10_000);
  const to = process.hrtime.bigint();
  await stopChild(on.server.child);
  console.log(`${name}: ${perSecond.toFixed(0)} requests a second while profiled`);
  printProfile(on.folder, from, to, count);
}
