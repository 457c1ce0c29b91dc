import type { Follower } from './follower.ts';
import type { Round } from './round.ts';

/** One line of a round. */
export function tellRound(number: number, { fault, acknowledged, unacknowledged, ended, delays, violations }: Round) {
  const slowest = Math.max(...Object.values(delays));
  const said = `${fault}; ${acknowledged} acknowledged, ${unacknowledged.length} not; ${ended} tokens ended; heard within ${slowest.toFixed(0)} ms`;
  console.log(`round ${number}: ${said}${violations.length > 0 ? `; ${violations.length} VIOLATIONS` : ''}`);
}

/** What all rounds came to. */
export function printSummary(rounds: readonly Round[], followers: readonly Follower[]) {
  const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0);
  const calm = rounds.filter(({ fault }) => fault === 'none');
  console.log(`\n${rounds.length} rounds: ${counted(rounds.map(({ fault }) => fault))}`);
  console.log(
    `${sum((round) => round.acknowledged)} revocations acknowledged; in place of one: ${counted(rounds.flatMap((round) => round.unacknowledged))}`,
  );
  console.log(`${sum((round) => round.ended)} tokens ended`);
  for (const { name, resumed, heard } of followers) {
    const worst = (those: readonly Round[]) => Math.max(0, ...those.map(({ delays }) => delays[name] ?? 0)).toFixed(0);
    console.log(
      `${name}: heard ${heard.length}, went on ${resumed} times; worst ${worst(calm)} ms where nothing broke, else ${worst(rounds)} ms`,
    );
  }
  for (const node of new Set(rounds.flatMap(({ refusals }) => refusals.map((one) => one.node)))) {
    const of = (those: readonly Round[]) => those.flatMap(({ refusals }) => refusals.filter((one) => one.node === node));
    const late = (those: readonly Round[]) => Math.max(0, ...of(those).map(({ refused = 0 }) => refused)).toFixed(0);
    const accepted = Math.max(0, ...of(rounds).map((one) => one.accepted ?? 0)).toFixed(0);
    console.log(
      `${node}: answered with a refusal within ${late(calm)} ms where nothing broke, else ${late(rounds)} ms; accepted until ${accepted} ms`,
    );
  }
}

const counted = (names: readonly string[]) =>
  Object.entries(Object.groupBy(names, (name) => name))
    .map(([name, those]) => `${those?.length} × ${name}`)
    .join(', ');
