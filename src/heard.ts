import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, execute, GraphQLError } from 'graphql';
import type { Context } from './context.ts';
import { codeOf, type ErrorCode, failure } from './errors.ts';

/** What the source of a subscription yields: an event, and the context in which it is to be answered. */
export interface Heard<Event> {
  readonly context: Context;
  readonly event: Event;
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

/**
 * graphql-js runs every event with the context of the beginning, in which verdicts are remembered; here each event has its own
 * (security.md 8.10). An error of the source is the stream's last result.
 */
export async function subscribeFresh(args: ExecutionArgs): Promise<AsyncGenerator<ExecutionResult> | ExecutionResult> {
  const source = await createSourceEventStream(args);
  return Symbol.asyncIterator in source ? answers(args, source as AsyncGenerator<Heard<unknown>>) : source;
}

async function* answers(args: ExecutionArgs, source: AsyncGenerator<Heard<unknown>>): AsyncGenerator<ExecutionResult> {
  const { until } = args.contextValue as Context;
  const expiry = expiring(until);
  try {
    for (;;) {
      const next = await Promise.race([source.next(), expiry.reached]);
      if (next.done) return;
      const result = await execute({ ...args, rootValue: next.value, contextValue: next.value.context });
      yield result;
      if (result.errors?.some((error) => error.path?.length === 1 && ending.includes(codeOf(error) as ErrorCode))) return;
    }
  } catch (error) {
    yield { errors: [error instanceof GraphQLError ? error : new GraphQLError('', { originalError: error as Error })] };
  } finally {
    expiry.stop();
    await source.return(undefined);
  }
}

/** Rejects when the access token ends that the stream was opened with (security.md 8.11). */
function expiring(until: Date | null) {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {}); // nobody waits for it any more when the stream has ended before
  const left = until ? until.getTime() - Date.now() : longestTimer;
  const timer = setTimeout(() => reject(failure('TOKEN_EXPIRED')), Math.min(left, longestTimer));
  return { reached: promise, stop: () => clearTimeout(timer) };
}

const longestTimer = 2 ** 31 - 1; // milliseconds; Node fires at once beyond that
