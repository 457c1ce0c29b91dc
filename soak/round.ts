import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfiguredKeys } from '../src/identity/keys/configured-keys.ts';
import { type Command, type CommandContext, prepareCommands } from './commands.ts';
import { commandViolations, deliveryViolations, readLog, waitUntilIdle } from './expected-state.ts';
import { type Fault, injectFault, randomFault } from './faults.ts';
import type { Session } from './fixtures.ts';
import type { Follower } from './follower.ts';
import type { Postgres } from './postgres.ts';
import { acceptedAnywhere, type Rejection, watchRejection } from './rejection.ts';
import type { OperationResponse } from './send-operation.ts';

/** What rounds run on. */
export interface World extends CommandContext {
  readonly postgres: Postgres;
  readonly followers: readonly Follower[];
  readonly keys: ConfiguredKeys;
  /** The length of the log after the previous round. */
  known: number;
}

/** A command that was sent, and its outcome. Times are by the clock of this process. */
interface Execution {
  readonly command: Command;
  /** When it was first acknowledged; undefined if it was not. */
  readonly at: number | undefined;
  /** The error codes of the responses. */
  readonly codes: readonly (string | undefined)[];
  readonly rejections: readonly Rejection[];
}

export interface Round {
  readonly fault: Fault;
  readonly acknowledged: number;
  /** The error codes of the commands that were not acknowledged. */
  readonly unacknowledged: readonly string[];
  readonly ended: number;
  readonly rejections: readonly Rejection[];
  /** By follower, the maximal time from an acknowledgement to the event, in milliseconds. */
  readonly delays: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

const limits = { normal: 1_000, afterOutage: 5_000 } as const; // milliseconds (security.md F20)

/** Opens sessions, revokes them during a fault, and compares what every client got with the database. */
export async function runRound(world: World): Promise<Round> {
  const { pool, nodes, postgres, followers } = world;
  const commands = await prepareCommands(world);
  const fault = randomFault();
  const spread = randomInt(2) * 300; // milliseconds: all at once, or spread out
  const moment = { left: randomInt(commands.length) };
  const struck = waitForMoment(moment).then(() => injectFault(fault, nodes, postgres));
  const done = await Promise.all(commands.map((command) => sleep(randomInt(spread + 1)).then(() => execute(world, command, moment))));
  await struck;
  await waitUntilIdle(pool);
  const log = await readLog(pool, world.keys);
  const violations = [
    ...(await Promise.all(done.map(({ command, at }) => commandViolations(pool, command, at !== undefined)))).flat(),
    ...(await Promise.all(followers.map((follower) => deliveryViolations(follower, log, world)))).flat(),
    ...done.flatMap((one) => lateRejections(one, postgres)),
    ...done.flatMap(({ command, codes }) => (codes.includes('INTERNAL') ? [`${command.name} failed with INTERNAL`] : [])),
    ...(fault === 'none' ? done.filter(isUnanswered).map(unanswered) : []),
    ...(await acceptedAnywhere(nodes, revokedSessions(done))).map((node) => `a revoked token was accepted after the round by ${node}`),
    ...followers.flatMap(({ name, errors }) =>
      errors
        .splice(0)
        .filter(isUnexpected)
        .map((text) => `${name} received ${text}`),
    ),
  ];
  const delays = Object.fromEntries(followers.map((follower) => [follower.name, longestDelay(follower, done, world.known)]));
  const ended = log.length - world.known;
  world.known = log.length;
  const acknowledged = done.filter(({ at }) => at !== undefined).length;
  const rejections = done.flatMap((one) => one.rejections);
  const unacknowledged = done.flatMap(({ at, codes }) => (at === undefined ? [codes.find(Boolean) ?? 'connection lost'] : []));
  return { fault, acknowledged, unacknowledged, ended, rejections, delays, violations };
}

/** Waits for a number of acknowledgements: what was acknowledged just before a failure is most likely to be lost. */
async function waitForMoment(moment: { left: number }) {
  for (const until = performance.now() + randomInt(500, 3_000); moment.left > 0 && performance.now() < until; ) await sleep(1);
  await sleep(randomInt(20));
}

/** Sends the command and, from its acknowledgement on, checks that every node rejects the tokens. */
async function execute({ nodes }: World, command: Command, moment: { left: number }): Promise<Execution> {
  const sent = command.send();
  const at = await Promise.any(sent.map(acknowledgement)).catch(() => undefined);
  if (at !== undefined) moment.left -= 1;
  const rejections = await Promise.all(
    at === undefined ? [] : command.sessions.flatMap((session) => nodes.map((node) => watchRejection(node, session, at))),
  );
  const response = await Promise.all(sent);
  return { command, at, codes: response.map(({ code }) => code), rejections };
}

/** UNAVAILABLE is expected from an overloaded server. */
const isUnanswered = ({ at, codes }: Execution) => at === undefined && !codes.includes('UNAVAILABLE');

const unanswered = ({ command, codes }: Execution) =>
  `${command.name} was not acknowledged although there was no fault: ${codes.join(', ')}`;

async function acknowledgement(response: Promise<OperationResponse>): Promise<number> {
  if (!(await response).data) throw new Error('not acknowledged');
  return performance.now();
}

/** After an outage of the database, revocations may take longer. */
function lateRejections({ command, at = 0, rejections }: Execution, postgres: Postgres): string[] {
  const most = postgres.wasAwaySince(at) ? limits.afterOutage : limits.normal;
  return rejections.flatMap(({ node, accepted = 0, acceptedAgain }) => [
    ...(accepted > most ? [`${node} accepted a token ${accepted.toFixed(0)} ms after its revocation (${command.name})`] : []),
    ...(acceptedAgain ? [`${node} accepted a token after rejecting it (${command.name})`] : []),
  ]);
}

const revokedSessions = (done: readonly Execution[]): Session[] =>
  done.flatMap(({ command, at }) => (at === undefined ? [] : command.sessions));

/** UNAVAILABLE is expected while the database is down. */
const isUnexpected = (text: string) => !text.includes('UNAVAILABLE');

function longestDelay({ received }: Follower, done: readonly Execution[], from: number): number {
  const acknowledged = new Map(done.flatMap(({ command, at }) => (at === undefined ? [] : command.sids.map((sid) => [sid, at] as const))));
  const delays = received.slice(from).map(({ sid, at }) => at - (acknowledged.get(sid) ?? at));
  return Math.max(0, ...delays);
}
