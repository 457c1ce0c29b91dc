import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../src/schema/schema.ts';
import { isEmbedded } from '../test-database.ts';
import { type Ends, ends } from './ends.ts';
import { neither } from './neither.ts';
import { type Opens, opens } from './opens.ts';
import { openTrack, prepare, run, type Track } from './race.ts';
import { openRowHolders, type Row } from './rows.ts';

describe('the lists of the races', () => {
  it('have every mutation of the schema: it opens something, ends something, or is named as doing neither', () => {
    const listed = new Set([...[...opens, ...ends].map(({ mutation }) => mutation), ...Object.keys(neither)]);
    const mutations = Object.keys(schema.getMutationType()?.getFields() ?? {});
    expect(mutations.filter((name) => !listed.has(name))).toEqual([]);
    expect([...listed].filter((name) => !mutations.includes(name))).toEqual([]);
  });
});

const concurrency = 3; // with more, two cores are so busy that fewer races are decided in time

/** The embedded database has one connection, so no request is ever between two statements of another one. */
describe.skipIf(isEmbedded).concurrent('nothing outlives what ends it', async () => {
  const tracks = await Promise.all(Array.from({ length: concurrency }, openTrack));
  const { take, giveBack } = shareInTurn(tracks);
  afterAll(() => Promise.all(tracks.map(({ close }) => close())));

  /** By operation, the rows that it waits for. */
  const rowsOf = new Map<Opens | Ends, readonly Row[]>();
  beforeAll(async () => {
    const [track] = tracks as [Track];
    const { rowsWaitedFor, close } = await openRowHolders(track.server);
    for (const operation of [...opens, ...ends]) {
      const world = await track.createWorld();
      rowsOf.set(operation, await rowsWaitedFor(world, await prepare(operation, world)));
    }
    await close();
  });

  const pairs = opens.flatMap((opening) =>
    ends.filter(({ ends: ended }) => opening.needs.some((proof) => ended.includes(proof))).map((ending) => ({ opening, ending })),
  );

  for (const { opening, ending } of pairs)
    it(`${opening.name}, ended by ${ending.name}`, { timeout: 60_000 }, async () => {
      const track = await take();
      const faults: string[] = [];
      for (const row of rowsOf.get(opening) ?? []) faults.push(...(await run(track, { opening, ending, row, first: 'opening' })));
      // What anyone may do at any time may also be ordered after an end that has begun before it.
      const endsFirst = opening.isOpenToAnyone ? [] : (rowsOf.get(ending) ?? []);
      for (const row of endsFirst) faults.push(...(await run(track, { opening, ending, row, first: 'ending' })));
      giveBack(track);
      expect(faults).toEqual([]);
    });
});

/** Hands out each item to one caller at a time, in the order in which they ask. */
function shareInTurn<Item>(items: readonly Item[]) {
  const idle = [...items];
  const waiting: ((item: Item) => void)[] = [];
  return {
    take: async () => idle.pop() ?? new Promise<Item>((resolve) => waiting.push(resolve)),
    giveBack(item: Item) {
      const next = waiting.shift();
      if (next) next(item);
      else idle.push(item);
    },
  };
}
