import { startTestServer } from '../test-server.ts';
import type { Ends } from './ends.ts';
import { openHolder } from './hold.ts';
import type { Opens } from './opens.ts';
import { lockRow, type Row } from './rows.ts';
import { type Answer, createSurroundings, createWorld, type World } from './world.ts';

/** The codes of a request that came too late. INTERNAL and UNAVAILABLE are none of them. */
const documented =
  /^(?:INVALID_CREDENTIALS|INVALID_TOKEN|INVALID_INPUT|TOKEN_REVOKED|TOKEN_REUSED|TOKEN_EXPIRED|UNAUTHENTICATED|ACCOUNT_DISABLED|DOMAIN_ACCESS_DENIED|FORBIDDEN|NOT_FOUND|REAUTHENTICATION_REQUIRED|TAKEN)$/;

/** Where one race at a time is run: a server with its own database, so that no request waits for one of another race. */
export type Track = Awaited<ReturnType<typeof openTrack>>;

export async function openTrack() {
  const server = await startTestServer({ LOG_LEVEL: 'error' });
  const [surroundings, holder] = [await createSurroundings(server), await openHolder(server)];
  return {
    server,
    holder,
    createWorld: () => createWorld(server, surroundings),
    close: () => Promise.all([holder.close(), surroundings.close()]),
  };
}

export interface Race {
  readonly opening: Opens;
  readonly ending: Ends;
  /** The row that is held: one that the first operation waits for. */
  readonly row: Row;
  readonly first: 'opening' | 'ending';
}

/**
 * Holds a row, starts one operation, and when that waits the other one. Releases the row when the second one waits too, or has finished in the
 * gap. Returns what is wrong afterwards.
 */
export async function run(track: Track, race: Race, attempt = 1): Promise<string[]> {
  const { opening, ending, row, first } = race;
  if (attempt > 10) return [`undecided: the machine is too busy (${row.name} held, ${first} first)`];
  const world = await track.createWorld();
  const start = { opening: await prepare(opening, world), ending: await prepare(ending, world) };
  await track.holder.begin(lockRow(row, world));
  const one = follow(start[first]());
  const isHeld = await isWaiting(track, one, 1);
  const other = isHeld ? follow(start[first === 'opening' ? 'ending' : 'opening']()) : undefined;
  const isSecondHeld = other && (await isWaiting(track, other, 2));
  // The second one has finished while the first one waited in a gap.
  const finishedInGap = other?.isDone === true;
  await track.holder.release();
  const [answerOfOne, answerOfOther] = await Promise.all([one.answer, other?.answer]);
  // On a busy machine a request may have done neither in time, or waited for longer than the server waits for a lock. That decides nothing.
  const isTimedOut = [answerOfOne, answerOfOther].some((answer) => answer?.code === 'UNAVAILABLE');
  if (isHeld === undefined || (other && isSecondHeld === undefined) || isTimedOut) return run(track, race, attempt + 1);
  if (!answerOfOther) return [`did not wait (${row.name} held, ${first} first, ${answerOfOne.code ?? 'done'})`];
  const answers = first === 'opening' ? { opened: answerOfOne, ended: answerOfOther } : { opened: answerOfOther, ended: answerOfOne };
  const endedFirst = first === 'ending' ? !finishedInGap : finishedInGap;
  const faults = await findFaults(world, race, answers, endedFirst);
  return faults.map(
    (fault) => `${fault} (${row.name} held, ${first} first, ${answers.opened.code ?? 'opened'}, ${answers.ended.code ?? 'ended'})`,
  );
}

/** Prepares an operation. Returns how to start it. */
export async function prepare(operation: Opens | Ends, world: World): Promise<() => Promise<Answer>> {
  const prepared = (await operation.prepare?.(world)) ?? '';
  return () => operation.call(world, prepared);
}

function follow(answer: Promise<Answer>) {
  const request = { isDone: false, answer };
  void answer.then(() => Object.assign(request, { isDone: true }));
  return request;
}

/** True once that many requests wait for the held row; false if the request has finished instead; undefined if it has done neither in time. */
async function isWaiting({ holder }: Track, request: { isDone: boolean }, count: number): Promise<boolean | undefined> {
  const end = Date.now() + 1_500; // below the lock timeout of the server
  while (!request.isDone && Date.now() < end) {
    if ((await holder.waiting()) >= count) return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return request.isDone ? false : undefined;
}

async function findFaults(
  world: World,
  { opening, ending }: Race,
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
