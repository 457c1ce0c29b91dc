import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, GraphQLError } from 'graphql';
import { currentWorkload, runAs } from '../../database/workload.ts';
import { codeOf, type ErrorCode } from '../../errors.ts';
import type { Context } from '../context.ts';
import type { ActiveSubscription } from './connection.ts';
import { executeWithTimeout } from './timeout.ts';

/** An event, and the context that it is executed with. */
export interface EventWithContext<Event> {
  readonly context: Context;
  readonly event: Event;
  /** Called when the event has been executed. */
  readonly onExecuted?: () => void;
}

/** What the `subscribe` function of a subscription field returns. */
export interface SubscriptionSource<Event> extends AsyncIterator<EventWithContext<Event>, undefined>, ActiveSubscription {
  /** Ends the source, also while `next` is waiting. */
  return(): Promise<IteratorReturnResult<undefined>>;
  [Symbol.asyncIterator](): this;
}

/** The error codes after which a subscription ends, because its viewer has lost access. */
const fatalCodes: readonly ErrorCode[] = [
  'UNAUTHENTICATED',
  'TOKEN_EXPIRED',
  'TOKEN_REVOKED',
  'ACCOUNT_DISABLED',
  'DOMAIN_ACCESS_DENIED',
  'FORBIDDEN',
];

interface ResultStream extends AsyncIterableIterator<ExecutionResult> {
  return(): Promise<IteratorResult<ExecutionResult>>;
}

/**
 * Subscribes like graphql-js, but executes each event with a new context: graphql-js reuses that of the start, with its cached decisions
 * (security.md 8.10). An error of the source becomes the last result of the stream.
 */
export async function subscribeWithFreshContext(args: ExecutionArgs): Promise<ResultStream | ExecutionResult> {
  const stream = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in stream)) return stream;
  const source = stream as SubscriptionSource<unknown>;
  const { subscriptions } = args.contextValue as { readonly subscriptions?: Set<ActiveSubscription> };
  subscriptions?.add(source);
  const onEnd = () => void subscriptions?.delete(source);
  const results = resultsOf(args, source, onEnd);
  const workload = currentWorkload();
  const resultStream: ResultStream = {
    next: () => runAs(workload, () => results.next()), // the transport waits for results outside of the operation
    // A generator that waits handles `return` only after its `next`: ending the source ends the wait. One that has not started never runs its
    // `finally`.
    return: () => {
      onEnd();
      void source.return();
      return results.return(undefined);
    },
    [Symbol.asyncIterator]: () => resultStream,
  };
  return resultStream;
}

async function executeEvent(args: ExecutionArgs, value: EventWithContext<unknown>): Promise<ExecutionResult> {
  try {
    return await executeWithTimeout({ ...args, rootValue: value, contextValue: value.context });
  } finally {
    value.onExecuted?.();
  }
}

async function* resultsOf(
  args: ExecutionArgs,
  source: SubscriptionSource<unknown>,
  onEnd: () => void,
): AsyncGenerator<ExecutionResult, undefined> {
  try {
    for (let next = await source.next(); !next.done; next = await source.next()) {
      const result = await executeEvent(args, next.value);
      yield result;
      if (result.errors?.some((error) => error.path?.length === 1 && fatalCodes.includes(codeOf(error) as ErrorCode))) return;
    }
  } catch (error) {
    yield { errors: [error instanceof GraphQLError ? error : new GraphQLError('', { originalError: error as Error })] };
  } finally {
    onEnd();
    await source.return();
  }
}
