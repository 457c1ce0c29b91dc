import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, GraphQLError } from 'graphql';
import type { Connected, Stream } from './connection.ts';
import type { Context } from '../context.ts';
import { executeInTime } from './timeout.ts';
import { codeOf, type ErrorCode } from '../../errors.ts';
import { createInbox, type Inbox } from '../../lib/bounded-queue.ts';

/** What the source of a subscription yields: an event, and the context in which it is to be answered. */
export interface Heard<Event> {
  readonly context: Context;
  readonly event: Event;
}

/** What a subscription's field subscribes to. */
interface Source<Event> extends AsyncIterableIterator<Heard<Event>>, Stream {
  return(): Promise<IteratorResult<Heard<Event>>>;
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
export interface Hearing<Event> extends Pick<Stream, 'reached'> {
  readonly events: AsyncGenerator<Heard<Event>>;
}

/** The source that `hear` makes of an inbox. Leaving it closes the inbox, so that nobody waits there for an event that may never come. */
export function hearing<Event>(hear: (inbox: Inbox<Event>) => Hearing<Event>): Source<Event> {
  const inbox = createInbox<Event>();
  const { events, reached } = hear(inbox);
  return { ...leavable(events, inbox.close), reached, fail: inbox.fail };
}

/**
 * graphql-js runs every event with the context of the beginning, in which verdicts are remembered; here each event has its own
 * (security.md 8.10). An error of the source is the stream's last result.
 */
export async function subscribeFresh(args: ExecutionArgs): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const stream = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in stream)) return stream;
  const source = stream as Source<unknown>;
  const { connection } = args.contextValue as Connected;
  connection?.streams.add(source);
  return leavable(answers(args, source), () => void source.return());
}

async function* answers(args: ExecutionArgs, source: Source<unknown>): AsyncGenerator<ExecutionResult> {
  try {
    for (;;) {
      const next = await source.next();
      if (next.done) return;
      const result = await executeInTime({ ...args, rootValue: next.value, contextValue: next.value.context });
      yield result;
      if (result.errors?.some((error) => error.path?.length === 1 && ending.includes(codeOf(error) as ErrorCode))) return;
    }
  } catch (error) {
    yield { errors: [error instanceof GraphQLError ? error : new GraphQLError('', { originalError: error as Error })] };
  } finally {
    (args.contextValue as Connected).connection?.streams.delete(source);
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
