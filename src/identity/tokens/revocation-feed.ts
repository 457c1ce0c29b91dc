import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../database/database.ts';
import type { BoundedQueue } from '../../lib/bounded-queue.ts';
import type { Logger } from '../../lib/logger.ts';
import { channels } from './revocation-channel.ts';
import { endOfCommit, type Position, type Revocation, readBounds, readRevocations } from './revocation-log.ts';

/** What a node hears of revocations, its own and those of other nodes. */
export interface RevocationFeed {
  /** The place in the log up to which followers have been told. */
  readonly at: Position;
  /** How many milliseconds ago the log was last read to its end. */
  age(): number;
  /** Puts the wanted ones of those that come after `at` into the inbox. Answers how to stop. */
  follow(inbox: BoundedQueue<Revocation>, wanted: (revocation: Revocation) => boolean): () => void;
  /** Calls `heard` for each; answers how to stop. */
  on(heard: (revocation: Revocation) => void): () => void;
  /** Lets all followers go, and those who come after: their streams end. */
  end(): void;
  close(): Promise<void>;
}

const pollEvery = 500; // milliseconds within which a lost wake-up is made good: half of what a revocation may take (security.md F20, 24.1)
const page = 1_000; // records that are read at once
const pause = { after: 100, most: 250 }; // of those, followers get so many before they may catch up, for so many milliseconds in all

/** Follows the log of revocations; NOTIFY is only a wake-up. */
export async function createRevocationFeed(db: Pick<Database, 'query' | 'listen'>, log: Logger): Promise<RevocationFeed> {
  const listeners = new Set<(revocation: Revocation) => void>();
  const followers = new Set<(revocation: Revocation) => void>();
  const inboxes = new Set<BoundedQueue<Revocation>>();
  let { last: at } = await readBounds(db);
  let readAt = performance.now();
  let reading: Promise<void> | undefined;
  let again = false;
  let isOver = false;
  const tell = (revocation: Revocation) => {
    for (const heard of listeners)
      try {
        heard(revocation);
      } catch (error) {
        log.error({ error: String((error as Error).stack) }, 'a revocation was not taken in');
      }
  };
  const drain = async () => {
    do {
      again = false;
      const asked = performance.now();
      const revocations = await readRevocations(db, at, page);
      for (const revocation of revocations) tell(revocation); // what closes sockets waits for nobody
      const until = performance.now() + pause.most;
      for (const [index, revocation] of revocations.entries()) {
        if (index > 0 && index % pause.after === 0) await caughtUp(inboxes, until);
        for (const follower of followers) follower(revocation);
        at = revocation;
      }
      if (revocations.length === page) again = true;
      else {
        at = endOfCommit(at.position); // nothing is ever added to a commit
        readAt = asked;
      }
    } while (again);
  };
  const wake = () => {
    again = true;
    reading ??= drain()
      .catch((error: Error) => log.warn({ error: error.message }, 'revocations could not be read; trying again'))
      .finally(() => {
        reading = undefined;
      });
  };
  const on: RevocationFeed['on'] = (heard) => {
    listeners.add(heard);
    return () => listeners.delete(heard);
  };
  const stopListening = await db.listen(channels.tokenRevoked, wake);
  const clock = setInterval(wake, pollEvery);
  return {
    get at() {
      return at;
    },
    age: () => performance.now() - readAt,
    on,
    follow: (inbox, wanted) => {
      inboxes.add(inbox);
      if (isOver) inbox.close();
      const follower = (revocation: Revocation) => wanted(revocation) && inbox.push(revocation);
      followers.add(follower);
      return () => {
        inboxes.delete(inbox);
        followers.delete(follower);
      };
    },
    end: () => {
      isOver = true;
      for (const inbox of inboxes) inbox.close();
    },
    close: async () => {
      clearInterval(clock);
      await stopListening();
      await reading;
    },
  };
}

/** Waits a little for followers who have much to take in; who is slower than that goes on by reading the log. */
async function caughtUp(inboxes: ReadonlySet<BoundedQueue<Revocation>>, until: number) {
  while ([...inboxes].some(({ size }) => size >= pause.after) && performance.now() < until) await sleep(5);
}
