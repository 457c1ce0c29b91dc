import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openDeployment } from './deployment/deployment.ts';
import { runHistory } from './history/run.ts';
import { openPostgres } from './postgres.ts';
import { printRound, printSummary } from './report.ts';
import { type Round, runRound } from './round.ts';
import { openWorld } from './world.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '200' }, minutes: { type: 'string' } },
});
if (positionals[0] === 'deployment') process.exit((await runHistory(Number(values.minutes ?? 10), openDeployment)) > 0 ? 1 : 0);
if (positionals[0] === 'history') process.exit((await runHistory(Number(values.minutes ?? 5))) > 0 ? 1 : 0);
const until = performance.now() + Number(values.minutes ?? 30) * 60_000;

const folder = mkdtempSync(join(tmpdir(), 'fieldgate-soak-'));
const postgres = await openPostgres(folder);
const violations: string[] = [];
const rounds: Round[] = [];
let close = async () => {};
const stop = () => close().then(postgres.stop);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop().then(() => process.exit(1)));
try {
  const ended = (name: string) => void violations.push(`round ${rounds.length + 1}: ${name} exited by itself`);
  const world = await openWorld(postgres, folder, ended);
  close = world.close;
  // More than a hundred violations tell nothing new.
  while (rounds.length < Number(values.rounds) && performance.now() < until && violations.length < 100) {
    const round = await runRound(world);
    rounds.push(round);
    violations.push(...round.violations.map((text) => `round ${rounds.length} (${round.fault}): ${text}`));
    printRound(rounds.length, round);
  }
  printSummary(rounds, world.followers);
} catch (error) {
  violations.push(`the soak test itself failed: ${(error as Error).stack}`);
} finally {
  await stop();
  violations.push(...uncaughtIn(folder));
}
for (const violation of violations) console.error(violation);
console.log(violations.length > 0 ? `${violations.length} violations; see the logs in ${folder}` : 'no violations');
if (violations.length === 0) rmSync(folder, { recursive: true, force: true });
process.exit(violations.length > 0 ? 1 : 0);

/** Logged errors that neither an input nor an outage may cause. */
function uncaughtIn(logs: string): string[] {
  const lines = globSync(join(logs, '*.log')).flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  return lines.filter((line) => /uncaught exception|unhandled rejection|failed unexpectedly/.test(line)).map((line) => line.slice(0, 500));
}
