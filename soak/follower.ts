import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from './node.ts';
import type { Line } from './stream-client.ts';

/** A record that a follower received, and when, by the clock of this process. */
interface ReceivedRecord {
  readonly sid: string;
  readonly cursor: string;
  readonly at: number;
}

/** Follows all revocations on any running node, and continues on another one from its cursor. */
export interface Follower {
  readonly name: string;
  readonly received: ReceivedRecord[];
  /** The cursors of heartbeats, each with the number of records received before it. */
  readonly heartbeats: { readonly cursor: string; readonly after: number }[];
  /** Number of ended connections. */
  readonly resumed: number;
  /** Unexpected messages of servers. */
  readonly refusals: string[];
  leave(): Promise<void>;
}

export function follow(name: string, line: Line, nodes: readonly Node[], token: string, from: string): Follower {
  const received: ReceivedRecord[] = [];
  const heartbeats: Follower['heartbeats'] = [];
  const refusals: string[] = [];
  const leaving = new AbortController();
  let resumed = 0;
  let receivedBefore = -1;
  let last = from; // a heartbeat's cursor can be resumed from like a record's
  // It also disconnects in the middle of a stream: each connection lasts for a limited number of records.
  const receiverOf = (line: AbortController, most = randomInt(1, 200)) => ({
    event: ({ sid, cursor }: { sid: string; cursor: string }) => {
      if (line.signal.aborted) return;
      received.push({ sid, cursor, at: performance.now() });
      last = cursor;
      most -= 1;
      if (most === 0) line.abort();
    },
    beat: (cursor: string) => {
      if (line.signal.aborted) return;
      heartbeats.push({ cursor, after: received.length });
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
      wait = received.length > receivedBefore ? 20 : Math.min(wait * 2, 500);
      receivedBefore = received.length;
      await sleep(randomInt(wait, 2 * wait));
    }
  };
  const ended = run();
  return {
    name,
    received,
    heartbeats,
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
