import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, GraphQLError } from 'graphql';
import { codeOf, type ErrorCode } from '../../errors.ts';
import { type BoundedQueue, createBoundedQueue } from '../../lib/bounded-queue.ts';
import type { Context } from '../context.ts';
import type { ActiveSubscription, HasConnection } from './connection.ts';
import { executeWithTimeout } from './timeout.ts';

/** What the source of a subscription yields: an event, and the context in which it is to be answered. */
export interface EventWithContext<Event> {
  readonly context: Context;
  readonly event: Event;
}

/** What a subscription's field subscribes to. */
interface Source<Event> extends AsyncIterableIterator<EventWithContext<Event>>, ActiveSubscription {
  return(): Promise<IteratorResult<EventWithContext<Event>>>;
}

/** A stream ends when its viewer may no longer ask. */
const ending: readonly ErrorCode[] = [
  'UNAUTHENTICATED',
  'TOKEN_EXPIRED',
  'TOKEN_REVOKED',
  'ACCOUNT_DISABLED',
  'DOMAIN_ACCESS_DENIED',
  'FORBIDDEN',
];

/** What `hear` makes of an inbox: the events, and how far they have come. */
export interface SubscriptionSource<Event> extends Pick<ActiveSubscription, 'position'> {
  readonly events: AsyncGenerator<EventWithContext<Event>>;
}

/** The source that `hear` makes of an inbox. Leaving it closes the inbox, so that nobody waits there for an event that may never come. */
export function createSource<Event>(hear: (inbox: BoundedQueue<Event>) => SubscriptionSource<Event>): Source<Event> {
  const inbox = createBoundedQueue<Event>();
  const { events, position } = hear(inbox);
  return { ...leavable(events, inbox.close), position, fail: inbox.fail };
}

/**
 * graphql-js runs every event with the context of the beginning, in which verdicts are remembered; here each event has its own
 * (security.md 8.10). An error of the source is the stream's last result.
 */
export async function subscribeWithFreshContext(args: ExecutionArgs): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const stream = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in stream)) return stream;
  const source = stream as Source<unknown>;
  const { connection } = args.contextValue as HasConnection;
  connection?.subscriptions.add(source);
  return leavable(answers(args, source), () => void source.return());
}

async function* answers(args: ExecutionArgs, source: Source<unknown>): AsyncGenerator<ExecutionResult> {
  try {
    for (;;) {
      const next = await source.next();
      if (next.done) return;
      const result = await executeWithTimeout({ ...args, rootValue: next.value, contextValue: next.value.context });
      yield result;
      if (result.errors?.some((error) => error.path?.length === 1 && ending.includes(codeOf(error) as ErrorCode))) return;
    }
  } catch (error) {
    yield { errors: [error instanceof GraphQLError ? error : new GraphQLError('', { originalError: error as Error })] };
  } finally {
    (args.contextValue as HasConnection).connection?.subscriptions.delete(source);
    await source.return();
  }
}

/** A generator that waits takes no `return` before it has what it waits for: `leave` lets it go. */
function leavable<T>(generator: AsyncGenerator<T, void>, leave: () => void) {
  return {
    next: () => generator.next(),
    return: () => {
      leave();
      return generator.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
