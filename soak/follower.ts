import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from './node.ts';
import type { Line } from './stream-client.ts';

/** A record as a follower heard it, and when, by the clock of this process. */
interface Heard {
  readonly sid: string;
  readonly cursor: string;
  readonly at: number;
}

/** Somebody who follows all revocations at any living node, and goes on at another one from where they were. */
export interface Follower {
  readonly name: string;
  readonly heard: Heard[];
  /** The cursors of beats, each with how much had been heard before it. */
  readonly beats: { readonly cursor: string; readonly after: number }[];
  /** How often a line ended. */
  readonly resumed: number;
  /** What servers said that they should not have. */
  readonly refusals: string[];
  leave(): Promise<void>;
}

export function follow(name: string, line: Line, nodes: readonly Node[], token: string, from: string): Follower {
  const heard: Heard[] = [];
  const beats: Follower['beats'] = [];
  const refusals: string[] = [];
  const leaving = new AbortController();
  let resumed = 0;
  let heardBefore = -1;
  let last = from; // a beat is as good to go on from as a record
  // It hangs up in the middle of what it is told, too: each line lasts for so many records at most.
  const receiverOf = (line: AbortController, most = randomInt(1, 200)) => ({
    event: ({ sid, cursor }: { sid: string; cursor: string }) => {
      if (line.signal.aborted) return;
      heard.push({ sid, cursor, at: performance.now() });
      last = cursor;
      most -= 1;
      if (most === 0) line.abort();
    },
    beat: (cursor: string) => {
      if (line.signal.aborted) return;
      beats.push({ cursor, after: heard.length });
      last = cursor;
    },
    refused: (text: string) => void refusals.push(text),
  });
  const run = async () => {
    for (let wait = 20; !leaving.signal.aborted; resumed += 1) {
      const living = nodes.filter(({ isLiving }) => isLiving);
      const node = living[randomInt(Math.max(1, living.length))];
      const cut = new AbortController();
      const until = AbortSignal.any([leaving.signal, cut.signal]);
      if (node) await line(node.url, token, last, receiverOf(cut), until);
      wait = heard.length > heardBefore ? 20 : Math.min(wait * 2, 500);
      heardBefore = heard.length;
      await sleep(randomInt(wait, 2 * wait));
    }
  };
  const ended = run();
  return {
    name,
    heard,
    beats,
    refusals,
    get resumed() {
      return resumed;
    },
    leave: () => {
      leaving.abort();
      return ended;
    },
  };
}
