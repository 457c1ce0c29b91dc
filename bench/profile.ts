import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  timeDeltas: number[];
  startTime: number;
}

/** Time between two instants by package and function: µs per request and share of the main thread's busy time. */
export function printProfile(folder: string, from: bigint, to: bigint, requests: number) {
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'));
  if (!file) throw new Error('The server left no profile');
  const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile;
  const spent = timesOf(profile, Number(from / 1_000n), Number(to / 1_000n));
  const total = [...spent.values()].reduce((sum, time) => sum + time, 0);
  const share = (time: number) => `${(time / requests).toFixed(1).padStart(7)} µs ${((time / total) * 100).toFixed(1).padStart(5)} %`;
  const packages = new Map<string, number>();
  for (const [name, time] of spent) packages.set(packageIn(name), (packages.get(packageIn(name)) ?? 0) + time);
  console.log(`${(total / requests).toFixed(0)} µs a request\n\nTime by package`);
  for (const [name, time] of largest(packages, 18)) console.log(`${share(time)}  ${name}`);
  console.log('\nThe 25 functions with the most self time, by package');
  const functions = largest(spent, 25);
  for (const [group] of largest(packages, packages.size)) {
    const own = functions.filter(([name]) => packageIn(name) === group);
    if (own.length > 0) console.log(group);
    for (const [name, time] of own) console.log(`${share(time)}  ${name.slice(group.length + 1)}`);
  }
}

function timesOf(profile: Profile, from: number, to: number): Map<string, number> {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const spent = new Map<string, number>();
  let at = profile.startTime;
  profile.samples.forEach((id, index) => {
    const delta = profile.timeDeltas[index] ?? 0;
    at += delta;
    const name = names.get(id) ?? '';
    if (at > from && at < to && name !== 'node (idle)') spent.set(name, (spent.get(name) ?? 0) + delta);
  });
  return spent;
}

const largest = (times: ReadonlyMap<string, number>, most: number) => [...times].sort(([, a], [, b]) => b - a).slice(0, most);

const packageIn = (name: string) => name.slice(0, name.indexOf(' '));

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const named = functionName || '(anonymous)';
  if (!url) return `node ${named}`;
  if (url.startsWith('wasm:')) return `prisma-wasm ${named}`;
  if (url.startsWith('node:')) return `node ${named} ${url}:${lineNumber + 1}`;
  const [, name, path] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(.*)$/.exec(url) ?? [];
  return name ? `${name} ${named} ${path}:${lineNumber + 1}` : `src ${named} ${url.replace(/^.*\/src\//, '')}:${lineNumber + 1}`;
}
