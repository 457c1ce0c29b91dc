import type { ChildProcess } from 'node:child_process';
import { cpuOf } from './children.ts';
import { type Measured, median, sorted } from './measured.ts';

/** One of the two compared sides. */
export interface Side {
  readonly child: ChildProcess;
  run(milliseconds: number): Promise<Measured>;
}

interface Round extends Measured {
  /** Microseconds of processor time a request. */
  readonly cpu: number;
}

/** The result of a comparison: medians of each side, and the ratios of the pairs. */
export interface Compared {
  readonly ours: Round;
  readonly limit: Round;
  readonly ratio: Spread;
  /** The same by processor time, which other load on the machine affects less. */
  readonly byCpu: Spread;
}

interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** Runs both sides alternately, so that disturbances affect both, and compares each pair. */
export async function compare(ours: Side, limit: Side, times: { rounds: number; seconds: number; warm: () => Promise<void> }) {
  await warmUp(ours);
  await warmUp(limit);
  await times.warm();
  const pairs: [Round, Round][] = [];
  for (let round = 0; round < times.rounds; round += 1) pairs.push([await one(ours, times.seconds), await one(limit, times.seconds)]);
  return {
    ours: medians(pairs.map(([ours]) => ours)),
    limit: medians(pairs.map(([, limit]) => limit)),
    ratio: spread(pairs.map(([ours, limit]) => ours.perSecond / limit.perSecond)),
    byCpu: spread(pairs.map(([ours, limit]) => limit.cpu / ours.cpu)),
  } satisfies Compared;
}

const slice = 2.5; // seconds
const maxSlices = 16;

/**
 * Runs a side until V8 has optimized it: until the processor time of a request no longer falls. At 50 logins a second that takes half a minute, because
 * a function is optimized after some number of calls.
 */
async function warmUp(side: Side): Promise<void> {
  let lowest = Number.POSITIVE_INFINITY;
  for (let slices = 0, steady = 0; slices < maxSlices && steady < 3; slices += 1) {
    const { cpu } = await one(side, slice);
    steady = cpu < lowest * 0.97 ? 0 : steady + 1;
    lowest = Math.min(lowest, cpu);
  }
}

async function one(side: Side, seconds: number): Promise<Round> {
  const before = cpuOf(side.child.pid);
  const measured = await side.run(seconds * 1_000);
  return { ...measured, cpu: (cpuOf(side.child.pid) - before) / measured.count };
}

function medians(rounds: readonly Round[]): Round {
  const of = (name: keyof Round) => median(rounds.map((round) => round[name]));
  return { count: of('count'), perSecond: of('perSecond'), p50: of('p50'), p99: of('p99'), cpu: of('cpu') };
}

function spread(values: readonly number[]): Spread {
  const inOrder = sorted(values);
  return { min: inOrder[0] ?? Number.NaN, median: median(values), max: inOrder.at(-1) ?? Number.NaN };
}
