import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from './node.ts';
import type { StreamClient } from './stream-client.ts';

/** A received log entry, and when it arrived by the clock of this process. */
interface ReceivedEvent {
  readonly sid: string;
  readonly cursor: string;
  readonly at: number;
}

/** A client that follows all revocations at any running node, and resumes at another one from its cursor. */
export interface Follower {
  readonly name: string;
  readonly received: ReceivedEvent[];
  /** The cursors of heartbeats, each with the number of entries received before it. */
  readonly heartbeats: { readonly cursor: string; readonly after: number }[];
  /** How many connections have ended. */
  readonly resumed: number;
  /** Unexpected messages of servers. */
  readonly errors: string[];
  leave(): Promise<void>;
}

export function follow(name: string, line: StreamClient, nodes: readonly Node[], token: string, from: string): Follower {
  const received: ReceivedEvent[] = [];
  const heartbeats: Follower['heartbeats'] = [];
  const errors: string[] = [];
  const leaving = new AbortController();
  let resumed = 0;
  let receivedBefore = -1;
  let last = from; // the cursor of an entry or of a heartbeat
  // It also disconnects in the middle of a batch: each connection receives at most so many entries.
  const receiverOf = (line: AbortController, most = randomInt(1, 200)) => ({
    event: ({ sid, cursor }: { sid: string; cursor: string }) => {
      if (line.signal.aborted) return;
      received.push({ sid, cursor, at: performance.now() });
      last = cursor;
      most -= 1;
      if (most === 0) line.abort();
    },
    heartbeat: (cursor: string) => {
      if (line.signal.aborted) return;
      heartbeats.push({ cursor, after: received.length });
      last = cursor;
    },
    unexpected: (text: string) => void errors.push(text),
  });
  const run = async () => {
    for (let wait = 20; !leaving.signal.aborted; resumed += 1) {
      const running = nodes.filter(({ isRunning }) => isRunning);
      const node = running[randomInt(Math.max(1, running.length))];
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
    errors,
    get resumed() {
      return resumed;
    },
    leave: () => {
      leaving.abort();
      return ended;
    },
  };
}
