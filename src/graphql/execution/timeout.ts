import { type ExecutionArgs, type ExecutionResult, execute, getOperationAST } from 'graphql';
import { graphqlError } from '../../errors.ts';
import type { Context } from '../context.ts';
import type { Connection } from './connection.ts';

const maxDuration = 10_000; // milliseconds (security.md F26)

/** setTimeout fires immediately for longer delays. */
export const maxTimerDelay = 2 ** 31 - 1;

/**
 * Executes an operation until the timeout; a query also ends when its client disconnects. Then the context is aborted: resolvers that are still
 * running get no database, and statements in progress end by their own timeout (security.md 17.6).
 */
export function executeWithTimeout(args: ExecutionArgs): ExecutionResult | Promise<ExecutionResult> {
  const { connection, abort } = args.contextValue as Context & { readonly connection?: Connection };
  // A mutation continues without its client: half a mutation would be worse, and the client cannot know how far it came.
  const client = getOperationAST(args.document, args.operationName)?.operation === 'query' ? connection : undefined;
  if (client?.destroyed) return unavailable();
  const running = execute(args);
  if (!(running instanceof Promise)) return running;
  const ended = Promise.withResolvers<ExecutionResult>();
  const stop = () => {
    abort.abort(graphqlError('UNAVAILABLE'));
    ended.resolve(unavailable());
  };
  const timer = setTimeout(stop, maxDuration);
  client?.once('close', stop);
  return Promise.race([running, ended.promise]).finally(() => {
    clearTimeout(timer);
    client?.off('close', stop);
  });
}

const unavailable = (): ExecutionResult => ({ data: null, errors: [graphqlError('UNAVAILABLE')] });
