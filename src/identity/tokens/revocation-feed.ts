import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../database/database.ts';
import { graphqlError } from '../../errors.ts';
import { type BoundedQueue, createBoundedQueue } from '../../lib/bounded-queue.ts';
import { startPoller } from '../../lib/poller.ts';
import { Turns } from '../../lib/turns.ts';
import type { Logger } from '../../logger.ts';
import type { KeyStore } from '../keys/configured-keys.ts';
import { channels } from './revocation-channel.ts';
import { formatCursor } from './revocation-cursor.ts';
import { endOfCommit, isBefore, type Position, type Revocation, readBounds, readRevocations } from './revocation-log.ts';

/** Delivers the revocations of all nodes to the subscribers on this node. */
export interface RevocationFeed {
  /** The position in the log up to which all subscribers have been served. */
  readonly position: Position;
  /** How many milliseconds ago the end of the log was last read. */
  age(): number;
  /** Milliseconds since a token was revoked, by the clock of the database. */
  timeSince(revocation: Revocation): number;
  /** Queues the matching revocations after `position`; closing the queue unsubscribes. */
  subscribe(matches: (revocation: Revocation) => boolean, pace?: Pace): BoundedQueue<Revocation>;
  /** The turns of readers that work long on each revocation. The others go first. */
  readonly turns: Turns;
  /** Closes all queues, now and from now on: the server stops. */
  end(): void;
  close(): Promise<void>;
}

/** `immediate`: first and at once, without a limit. `batched`: in batches, which give readers time to drain their queues. `slow`: no one waits for it. */
type Pace = 'immediate' | 'batched' | 'slow';

interface Subscriber {
  readonly matches: (revocation: Revocation) => boolean;
  readonly queue: BoundedQueue<Revocation>;
}

const pollInterval = 500; // milliseconds, if a notification was lost: half of what a revocation may take (security.md F20, 24.1)
const pageSize = 1_000;
const batchSize = 100;
const maxBackpressure = 250; // milliseconds that readers may delay a page; one that overflows meanwhile delays no more pages until it has caught up

/** Follows the revocation log. Notifications are only hints to read it now. */
export async function createRevocationFeed(
  db: Pick<Database, 'query' | 'listen'>,
  keys: Pick<KeyStore, 'secret'>,
  log: Logger,
): Promise<RevocationFeed> {
  const subscribers = { immediate: new Set<Subscriber>(), batched: new Set<Subscriber>(), slow: new Set<Subscriber>() };
  const { immediate, batched, slow } = subscribers;
  let { last: position, now: databaseTime } = await readBounds(db);
  let timeReadAt = performance.now();
  let readAt = timeReadAt;
  let hasEnded = false;

  const readNewEntries = async () => {
    const startedAt = performance.now();
    await checkContinuity();
    const page = await readRevocations(db, position, pageSize);
    for (const revocation of page) deliver(immediate, revocation);
    const deadline = performance.now() + maxBackpressure;
    for (const [index, revocation] of page.entries()) {
      if (index > 0 && index % batchSize === 0) await applyBackpressure(batched, deadline);
      deliver(batched, revocation);
      deliver(slow, revocation);
      position = revocation;
    }
    if (page.length === pageSize) return poller.wake();
    position = endOfCommit(position.position); // nothing is ever added to a commit
    readAt = startedAt;
  };
  /** Without this, a node whose database is restored while it runs would wait for positions that the log has lost. */
  const checkContinuity = async () => {
    const { first, last, now } = await readBounds(db);
    databaseTime = now;
    timeReadAt = performance.now();
    if (!isBefore(last, position) && !isBefore(position, first)) return;
    log.error(
      { event: 'sys_database_restored' },
      'the revocation log has lost entries: the database was restored. Run `npm run admin -- restored` unless it has run',
    );
    position = last;
    // The immediate queues stay: their readers follow the signing keys as well.
    for (const { queue } of [...batched, ...slow]) queue.fail(graphqlError('CURSOR_EXPIRED', { oldest: formatCursor(keys, first) }));
  };
  const poller = startPoller(readNewEntries, {
    interval: pollInterval,
    onFailure: (error) => log.warn({ event: 'sys_polling_failed', error: error.message }, 'reading the revocation log failed; retrying'),
  });
  const stopListening = await db.listen(channels.tokenRevoked, poller.wake);

  return {
    get position() {
      return position;
    },
    age: () => performance.now() - readAt,
    timeSince: ({ revokedAt }) => Math.max(0, databaseTime.getTime() - revokedAt.getTime() + performance.now() - timeReadAt),
    turns: new Turns(),
    subscribe(matches, pace = 'batched') {
      const capacity = pace === 'immediate' ? Number.POSITIVE_INFINITY : undefined;
      const queue = createBoundedQueue<Revocation>(capacity, () => subscribers[pace].delete(subscriber));
      const subscriber: Subscriber = { matches, queue };
      subscribers[pace].add(subscriber);
      if (hasEnded) queue.close();
      return queue;
    },
    end() {
      hasEnded = true;
      for (const { queue } of [...immediate, ...batched, ...slow]) queue.close();
    },
    async close() {
      await stopListening();
      await poller.stop();
    },
  };
}

function deliver(subscribers: ReadonlySet<Subscriber>, revocation: Revocation) {
  for (const { matches, queue } of subscribers) if (matches(revocation)) queue.push(revocation);
}

/** Waits until the readers that keep up have drained their queues, or until the deadline. Slower ones overflow and recover from the log. */
async function applyBackpressure(subscribers: ReadonlySet<Subscriber>, deadline: number) {
  while ([...subscribers].some(({ queue }) => !queue.isBehind && queue.size >= batchSize) && performance.now() < deadline) await sleep(5);
}
