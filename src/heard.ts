import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, GraphQLError } from 'graphql';
import type { Context } from './context.ts';
import { type Connected, executeInTime, longestTimer } from './deadline.ts';
import { codeOf, type ErrorCode, failure } from './errors.ts';
import { createInbox, type Inbox } from './inbox.ts';

/** What the source of a subscription yields: an event, and the context in which it is to be answered. */
export interface Heard<Event> {
  readonly context: Context;
  readonly event: Event;
}

/** What a subscription's field subscribes to. */
interface Source<Event> extends AsyncIterableIterator<Heard<Event>> {
  return(): Promise<IteratorResult<Heard<Event>>>;
  readonly overflowed: Promise<void>;
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

/** The source that `hear` makes of an inbox. Leaving it closes the inbox, so that nobody waits there for an event that may never come. */
export function hearing<Event>(hear: (inbox: Inbox<Event>) => AsyncGenerator<Heard<Event>>): Source<Event> {
  const inbox = createInbox<Event>();
  return { ...leavable(hear(inbox), inbox.close), overflowed: inbox.overflowed };
}

/**
 * graphql-js runs every event with the context of the beginning, in which verdicts are remembered; here each event has its own
 * (security.md 8.10). An error of the source is the stream's last result. Who does not take in what is sent is dropped (security.md F29).
 */
export async function subscribeFresh(args: ExecutionArgs): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const stream = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in stream)) return stream;
  const source = stream as Source<unknown>;
  const { connection } = args.contextValue as Connected;
  void source.overflowed.then(() => connection?.destroy());
  return leavable(answers(args, source), () => void source.return());
}

async function* answers(args: ExecutionArgs, source: Source<unknown>): AsyncGenerator<ExecutionResult> {
  const { until } = args.contextValue as Context;
  const expiry = expiring(until);
  try {
    for (;;) {
      const next = await Promise.race([source.next(), expiry.reached]);
      if (next.done) return;
      const result = await executeInTime({ ...args, rootValue: next.value, contextValue: next.value.context });
      yield result;
      if (result.errors?.some((error) => error.path?.length === 1 && ending.includes(codeOf(error) as ErrorCode))) return;
    }
  } catch (error) {
    yield { errors: [error instanceof GraphQLError ? error : new GraphQLError('', { originalError: error as Error })] };
  } finally {
    expiry.stop();
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

/** Rejects when the access token ends that the stream was opened with (security.md 8.11). */
function expiring(until: Date | null) {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {}); // nobody waits for it any more when the stream has ended before
  const left = until ? until.getTime() - Date.now() : Number.POSITIVE_INFINITY;
  const timer = left <= longestTimer ? setTimeout(() => reject(failure('TOKEN_EXPIRED')), left) : undefined;
  return { reached: promise, stop: () => clearTimeout(timer) };
}
