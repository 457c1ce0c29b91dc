import { afterAll, describe, expect, it } from 'vitest';
import { schema } from '../../src/schema/schema.ts';
import { isEmbedded } from '../test-database.ts';
import { startTestServer } from '../test-server.ts';
import { type Ends, ends } from './ends.ts';
import { openHolder, type Row, rows } from './hold.ts';
import { neither } from './neither.ts';
import { type Opens, opens } from './opens.ts';
import { type Answer, createSurroundings, createWorld, type World } from './world.ts';

/** The codes of a request that came too late. INTERNAL and UNAVAILABLE are none of them. */
const documented =
  /^(?:INVALID_CREDENTIALS|INVALID_TOKEN|INVALID_INPUT|TOKEN_REVOKED|TOKEN_REUSED|TOKEN_EXPIRED|UNAUTHENTICATED|ACCOUNT_DISABLED|DOMAIN_ACCESS_DENIED|FORBIDDEN|NOT_FOUND|REAUTHENTICATION_REQUIRED|TAKEN)$/;

describe('the lists of the races', () => {
  it('have every mutation of the schema: it opens something, ends something, or is named as doing neither', () => {
    const listed = new Set([...[...opens, ...ends].map(({ mutation }) => mutation), ...Object.keys(neither)]);
    const mutations = Object.keys(schema.getMutationType()?.getFields() ?? {});
    expect(mutations.filter((name) => !listed.has(name))).toEqual([]);
    expect([...listed].filter((name) => !mutations.includes(name))).toEqual([]);
  });
});

/** The embedded database has one connection, so no request is ever between two statements of another one. */
describe.skipIf(isEmbedded)('nothing outlives what ends it', async () => {
  const server = await startTestServer({ LOG_LEVEL: 'error' });
  const surroundings = await createSurroundings(server);
  const holder = await openHolder(server);
  afterAll(() => Promise.all([holder.close(), surroundings.close()]));

  const pairs = opens.flatMap((opening) =>
    ends.filter((ending) => isApplicable(opening, ending)).map((ending) => [opening, ending] as const),
  );

  for (const [opening, ending] of pairs)
    it(`${opening.name}, ended by ${ending.name}`, { timeout: 60_000 }, async () => {
      const survivors: string[] = [];
      for (const row of rows)
        for (const first of ['opening', 'ending'] as const) survivors.push(...(await race(opening, ending, row, first)));
      expect(survivors).toEqual([]);
    });

  /** The rows that each operation does not wait for: known after its first run. */
  const free = new Set<string>();

  /**
   * Holds a row, starts one operation, and when that waits the other one. Releases the row when the second one waits too, or has finished in the
   * gap. Returns what is wrong afterwards.
   */
  async function race(opening: Opens, ending: Ends, row: Row, first: 'opening' | 'ending', attempt = 1): Promise<string[]> {
    if (attempt > 5) return ['undecided: the machine is too busy'];
    const repeat = () => race(opening, ending, row, first, attempt + 1);
    const keys = { opening: `opens ${opening.name} ${row.name}`, ending: `ends ${ending.name} ${row.name}` };
    if (free.has(keys[first]) || (first === 'ending' && opening.isOpenToAnyone)) return [];
    const world = await createWorld(server, surroundings);
    const prepared = { opening: (await opening.prepare?.(world)) ?? '', ending: (await ending.prepare?.(world)) ?? '' };
    const start = {
      opening: () => track(opening.call(world, prepared.opening)),
      ending: () => track(ending.call(world, prepared.ending)),
    };
    const second = first === 'opening' ? 'ending' : 'opening';
    await holder.lock(row, world);
    const one = start[first]();
    const isHeld = await isWaiting(one, 1);
    if (isHeld !== true) {
      await holder.release();
      await one.answer;
      if (isHeld === undefined) return repeat();
      free.add(keys[first]);
      return [];
    }
    const other = start[second]();
    const isSecondHeld = await isWaiting(other, 2);
    // The second one has finished while the first one waited in a gap.
    const finishedInGap = other.isDone;
    await holder.release();
    const [answerOfOne, answerOfOther] = await Promise.all([one.answer, other.answer]);
    const answers = first === 'opening' ? { opened: answerOfOne, ended: answerOfOther } : { opened: answerOfOther, ended: answerOfOne };
    // On a busy machine a request may have done neither in time, or waited for longer than the server waits for a lock. That decides nothing.
    const isTimedOut = [answerOfOne, answerOfOther].some(({ code }) => code === 'UNAVAILABLE');
    if (isSecondHeld === undefined || isTimedOut) return repeat();
    const endedFirst = first === 'ending' ? !finishedInGap : finishedInGap;
    const faults = await findFaults(world, opening, ending, answers, endedFirst);
    return faults.map(
      (fault) => `${fault} (${row.name} held, ${first} first, ${answers.opened.code ?? 'opened'}, ${answers.ended.code ?? 'ended'})`,
    );
  }

  function track(promise: Promise<Answer>) {
    const tracked = { isDone: false, answer: promise };
    void promise.then(() => Object.assign(tracked, { isDone: true }));
    return tracked;
  }

  /** True once that many requests wait for the held row; false if the request has finished instead; undefined if it has done neither in time. */
  async function isWaiting(request: { isDone: boolean }, count: number): Promise<boolean | undefined> {
    const end = Date.now() + 1_500; // below the lock timeout of the server
    while (!request.isDone && Date.now() < end) {
      if ((await holder.waiting()) >= count) return true;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return request.isDone ? false : undefined;
  }
});

const isApplicable = ({ needs }: Opens, { ends: ended }: Ends) => needs.some((proof) => ended.includes(proof));

async function findFaults(
  world: World,
  opening: Opens,
  ending: Ends,
  { opened, ended }: { opened: Answer; ended: Answer },
  endedFirst: boolean,
): Promise<string[]> {
  const faults = [opened, ended].flatMap(({ code }) => (code && !documented.test(code) ? [`answered ${code}`] : []));
  const hasEnded = !ended.code && Object.values(ended.data)[0]?.changed !== false;
  if (!hasEnded || opened.code) return faults;
  if (opening.kind === 'write') return endedFirst ? ['written after the end'] : faults;
  if (!endedFirst && !ending.opened.includes(opening.kind)) return faults;
  await ending.reverse?.(world);
  return (await opening.isUsable?.(world, opened)) ? [...faults, `the ${opening.kind} survived`] : faults;
}
