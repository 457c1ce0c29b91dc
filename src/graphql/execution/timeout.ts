import { type ExecutionArgs, type ExecutionResult, execute, getOperationAST } from 'graphql';
import { graphqlError } from '../../errors.ts';
import type { HasConnection } from './connection.ts';

const longest = 10_000; // milliseconds (security.md F26)

/** Node fires a timer at once whose milliseconds are beyond this. */
export const maxTimerDelay = 2 ** 31 - 1;

/**
 * Executes an operation, but no longer than the deadline, and a query only as long as somebody waits for it. From then on its resolvers
 * find no database; each statement under way ends by its own timeout (security.md 17.6).
 */
export function executeWithTimeout(args: ExecutionArgs): ExecutionResult | Promise<ExecutionResult> {
  const context = args.contextValue as HasConnection;
  // What changes something goes on without its caller: half of it would be worse, and nobody would know.
  const waits = getOperationAST(args.document, args.operationName)?.operation === 'query' ? context.connection : undefined;
  if (waits?.destroyed) return gone();
  const running = execute(args);
  if (!(running instanceof Promise)) return running;
  const over = Promise.withResolvers<ExecutionResult>();
  const stop = () => {
    Object.defineProperty(context, 'db', { get: refuse });
    over.resolve(gone());
  };
  const timer = setTimeout(stop, longest);
  waits?.once('close', stop);
  return Promise.race([running, over.promise]).finally(() => {
    clearTimeout(timer);
    waits?.off('close', stop);
  });
}

const gone = (): ExecutionResult => ({ data: null, errors: [graphqlError('UNAVAILABLE')] });

function refuse(): never {
  throw graphqlError('UNAVAILABLE');
}
