import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Told } from './ask.ts';
import { faultsOf, quiet, readTruth, violationsOfFollower } from './expected-state.ts';
import { anyFault, type Fault, strike } from './faults.ts';
import type { Session } from './fixtures.ts';
import type { Follower } from './follower.ts';
import type { Postgres } from './postgres.ts';
import { acceptedAnywhere, type Refusal, watchRefusal } from './refusal.ts';
import { prepareVerbs, type Stage, type Verb } from './verbs.ts';

/** The environment of a round. */
export interface World extends Stage {
  readonly postgres: Postgres;
  readonly followers: readonly Follower[];
  /** Number of records after the previous round. */
  known: number;
}

/** An operation that was sent, and its outcome. Times are from this process's clock. */
interface Done {
  readonly verb: Verb;
  /** Time of the first acknowledgement; undefined if there was none. */
  readonly at: number | undefined;
  /** The error codes instead of an acknowledgement. */
  readonly codes: readonly (string | undefined)[];
  readonly refusals: readonly Refusal[];
}

/** The result of a round. */
export interface Round {
  readonly fault: Fault;
  readonly acknowledged: number;
  /** The error codes of operations that were not acknowledged; empty if the connection broke. */
  readonly unacknowledged: readonly string[];
  readonly ended: number;
  readonly refusals: readonly Refusal[];
  /** By follower, the maximum time from an acknowledgement to the record, in milliseconds. */
  readonly delays: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

const limits = { calm: 1_000, away: 5_000 } as const; // milliseconds (security.md F20)

/** Creates sessions, revokes them during a fault, and compares what servers and followers report with the database. */
export async function playRound(world: World): Promise<Round> {
  const { pool, nodes, postgres, followers } = world;
  const verbs = await prepareVerbs(world);
  const fault = anyFault();
  const spread = randomInt(2) * 300; // milliseconds: all at once, or one by one
  const moment = { left: randomInt(verbs.length) };
  const struck = momentOf(moment).then(() => strike(fault, nodes, postgres));
  const done = await Promise.all(verbs.map((verb) => sleep(randomInt(spread + 1)).then(() => carryOut(world, verb, moment))));
  await struck;
  await quiet(pool);
  const truth = await readTruth(pool);
  const violations = [
    ...(await Promise.all(done.map(({ verb, at }) => faultsOf(pool, verb, at !== undefined)))).flat(),
    ...(await Promise.all(followers.map((follower) => violationsOfFollower(follower, truth, world.known)))).flat(),
    ...done.flatMap((one) => tooLate(one, postgres)),
    ...done.flatMap(({ verb, codes }) => (codes.includes('INTERNAL') ? [`${verb.name} returned INTERNAL`] : [])),
    ...(fault === 'none' ? done.filter(isUnanswered).map(unanswered) : []),
    ...(await acceptedAnywhere(nodes, endedOf(done))).map((who) => `a revoked token was accepted after the round by ${who}`),
    ...followers.flatMap(({ name, refusals }) =>
      refusals
        .splice(0)
        .filter(isUnexpected)
        .map((text) => `${name} received ${text}`),
    ),
  ];
  const delays = Object.fromEntries(followers.map((follower) => [follower.name, longestDelay(follower, done, world.known)]));
  const ended = truth.length - world.known;
  world.known = truth.length;
  const acknowledged = done.filter(({ at }) => at !== undefined).length;
  const refusals = done.flatMap((one) => one.refusals);
  const unacknowledged = done.flatMap(({ at, codes }) => (at === undefined ? [codes.find(Boolean) ?? 'a broken line'] : []));
  return { fault, acknowledged, unacknowledged, ended, refusals, delays, violations };
}

/** Waits for a number of acknowledgements: what was acknowledged just before a fault is lost first. */
async function momentOf(moment: { left: number }) {
  for (const until = performance.now() + randomInt(500, 3_000); moment.left > 0 && performance.now() < until; ) await sleep(1);
  await sleep(randomInt(20));
}

/** Sends the operation, and from its acknowledgement on checks that every node rejects the tokens. */
async function carryOut({ nodes }: World, verb: Verb, moment: { left: number }): Promise<Done> {
  const asked = verb.ask();
  const at = await Promise.any(asked.map(acknowledgement)).catch(() => undefined);
  if (at !== undefined) moment.left -= 1;
  const refusals = await Promise.all(
    at === undefined ? [] : verb.sessions.flatMap((session) => nodes.map((node) => watchRefusal(node, session, at))),
  );
  const told = await Promise.all(asked);
  return { verb, at, codes: told.map(({ code }) => code), refusals };
}

/** True if an overloaded server rejected the operation. */
const isUnanswered = ({ at, codes }: Done) => at === undefined && !codes.includes('UNAVAILABLE');

const unanswered = ({ verb, codes }: Done) => `${verb.name} was not acknowledged though nothing broke: ${codes.join(', ')}`;

async function acknowledgement(told: Promise<Told>): Promise<number> {
  if (!(await told).data) throw new Error('not acknowledged');
  return performance.now();
}

/** A restarted node is not responsible for the time before. */
function tooLate({ verb, at = 0, refusals }: Done, postgres: Postgres): string[] {
  const most = postgres.wasAwaySince(at) ? limits.away : limits.calm;
  return refusals.flatMap(({ node, accepted = 0, wavered }) => [
    ...(accepted > most ? [`${node} accepted a token ${accepted.toFixed(0)} ms after its end (${verb.name})`] : []),
    ...(wavered ? [`${node} accepted a token after it had refused it (${verb.name})`] : []),
  ]);
}

const endedOf = (done: readonly Done[]): Session[] => done.flatMap(({ verb, at }) => (at === undefined ? [] : verb.sessions));

/** True if the database was down, which servers report. */
const isUnexpected = (text: string) => !text.includes('UNAVAILABLE');

function longestDelay({ received }: Follower, done: readonly Done[], from: number): number {
  const acknowledged = new Map(done.flatMap(({ verb, at }) => (at === undefined ? [] : verb.sids.map((sid) => [sid, at] as const))));
  const delays = received.slice(from).map(({ sid, at }) => at - (acknowledged.get(sid) ?? at));
  return Math.max(0, ...delays);
}
