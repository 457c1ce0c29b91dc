import type { Follower } from './follower.ts';
import type { Round } from './round.ts';

export function printRound(number: number, { fault, acknowledged, unacknowledged, ended, delays, violations }: Round) {
  const slowest = Math.max(...Object.values(delays));
  const summary = `${fault}; ${acknowledged} acknowledged, ${unacknowledged.length} not; ${ended} tokens revoked; received within ${slowest.toFixed(0)} ms`;
  console.log(`round ${number}: ${summary}${violations.length > 0 ? `; ${violations.length} VIOLATIONS` : ''}`);
}

export function printSummary(rounds: readonly Round[], followers: readonly Follower[]) {
  const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0);
  const calm = rounds.filter(({ fault }) => fault === 'none');
  console.log(`\n${rounds.length} rounds: ${counted(rounds.map(({ fault }) => fault))}`);
  console.log(
    `${sum((round) => round.acknowledged)} revocations acknowledged; not acknowledged: ${counted(rounds.flatMap((round) => round.unacknowledged))}`,
  );
  console.log(`${sum((round) => round.ended)} tokens revoked`);
  for (const { name, resumed, received } of followers) {
    const worst = (those: readonly Round[]) => Math.max(0, ...those.map(({ delays }) => delays[name] ?? 0)).toFixed(0);
    console.log(
      `${name}: received ${received.length}, resumed ${resumed} times; maximum delay ${worst(calm)} ms without a fault, ${worst(rounds)} ms overall`,
    );
  }
  for (const node of new Set(rounds.flatMap(({ rejections }) => rejections.map((one) => one.node)))) {
    const of = (those: readonly Round[]) => those.flatMap(({ rejections }) => rejections.filter((one) => one.node === node));
    const late = (those: readonly Round[]) => Math.max(0, ...of(those).map(({ rejected = 0 }) => rejected)).toFixed(0);
    const accepted = Math.max(0, ...of(rounds).map((one) => one.accepted ?? 0)).toFixed(0);
    console.log(`${node}: rejected within ${late(calm)} ms without a fault, ${late(rounds)} ms overall; accepted until ${accepted} ms`);
  }
}

const counted = (names: readonly string[]) =>
  Object.entries(Object.groupBy(names, (name) => name))
    .map(([name, those]) => `${those?.length} × ${name}`)
    .join(', ');
