import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Told } from './ask.ts';
import { faultsOf, faultsOfHearing, quiet, readTruth } from './expected-state.ts';
import { anyFault, type Fault, strike } from './faults.ts';
import type { Session } from './fixtures.ts';
import type { Follower } from './follower.ts';
import type { Postgres } from './postgres.ts';
import { acceptedAnywhere, type Refusal, watchRefusal } from './refusal.ts';
import { prepareVerbs, type Stage, type Verb } from './verbs.ts';

/** What a round plays on. */
export interface World extends Stage {
  readonly postgres: Postgres;
  readonly followers: readonly Follower[];
  /** How many records there were after the round before. */
  known: number;
}

/** A verb that was asked for, and what came of it. Times are of this process's clock. */
interface Done {
  readonly verb: Verb;
  /** When it was first acknowledged; undefined if it was not. */
  readonly at: number | undefined;
  /** What was said instead of an acknowledgement. */
  readonly codes: readonly (string | undefined)[];
  readonly refusals: readonly Refusal[];
}

/** What a round came to. */
export interface Round {
  readonly fault: Fault;
  readonly acknowledged: number;
  /** What was said of the verbs that were not acknowledged, or nothing where the line broke. */
  readonly unacknowledged: readonly string[];
  readonly ended: number;
  readonly refusals: readonly Refusal[];
  /** By follower, the longest from an acknowledgement to the record, in milliseconds. */
  readonly delays: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
}

const limits = { calm: 1_000, away: 5_000 } as const; // milliseconds (security.md F20)

/** Opens sessions, ends them while something breaks, and compares what everybody says with what the database holds. */
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
    ...(await Promise.all(followers.map((follower) => faultsOfHearing(follower, truth, world.known)))).flat(),
    ...done.flatMap((one) => tooLate(one, postgres)),
    ...done.flatMap(({ verb, codes }) => (codes.includes('INTERNAL') ? [`${verb.name} was answered with INTERNAL`] : [])),
    ...(fault === 'none' ? done.filter(isUnanswered).map(unanswered) : []),
    ...(await acceptedAnywhere(nodes, endedOf(done))).map((who) => `a token that ended was accepted after the round by ${who}`),
    ...followers.flatMap(({ name, refusals }) =>
      refusals
        .splice(0)
        .filter(isUnexpected)
        .map((text) => `${name} was told ${text}`),
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

/** Waits until so many were acknowledged: what was acknowledged just before a failure is what is lost first. */
async function momentOf(moment: { left: number }) {
  for (const until = performance.now() + randomInt(500, 3_000); moment.left > 0 && performance.now() < until; ) await sleep(1);
  await sleep(randomInt(20));
}

/** Asks for it, and from its acknowledgement on watches every node refuse. */
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

/** Where too much is asked at once, a server says so. */
const isUnanswered = ({ at, codes }: Done) => at === undefined && !codes.includes('UNAVAILABLE');

const unanswered = ({ verb, codes }: Done) => `${verb.name} was not acknowledged though nothing broke: ${codes.join(', ')}`;

async function acknowledgement(told: Promise<Told>): Promise<number> {
  if (!(await told).data) throw new Error('not acknowledged');
  return performance.now();
}

/** A node that has come back is not asked to make good for the time before. */
function tooLate({ verb, at = 0, refusals }: Done, postgres: Postgres): string[] {
  const most = postgres.wasAwaySince(at) ? limits.away : limits.calm;
  return refusals.flatMap(({ node, accepted = 0, wavered }) => [
    ...(accepted > most ? [`${node} accepted a token ${accepted.toFixed(0)} ms after its end (${verb.name})`] : []),
    ...(wavered ? [`${node} accepted a token after it had refused it (${verb.name})`] : []),
  ]);
}

const endedOf = (done: readonly Done[]): Session[] => done.flatMap(({ verb, at }) => (at === undefined ? [] : verb.sessions));

/** While the database is away servers say so. */
const isUnexpected = (text: string) => !text.includes('UNAVAILABLE');

function longestDelay({ heard }: Follower, done: readonly Done[], from: number): number {
  const acknowledged = new Map(done.flatMap(({ verb, at }) => (at === undefined ? [] : verb.sids.map((sid) => [sid, at] as const))));
  const delays = heard.slice(from).map(({ sid, at }) => at - (acknowledged.get(sid) ?? at));
  return Math.max(0, ...delays);
}
