import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { graphqlError, requestError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import type { PreparedOperation, RequestInfo } from '../../graphql/execution/operation.ts';
import { stringify, toClientError } from '../../graphql/execution/response-limits.ts';
import { createHeartbeat } from '../heartbeat.ts';
import { onTokenExpired } from '../token-expiry.ts';

/**
 * Answers an operation as server-sent events (GraphQL over SSE, distinct connections mode), with a beat every `beat` milliseconds, until the
 * access token ends. `refuse` answers what is not streamed.
 */
export async function respondWithEventStream(
  { args, kind, execute, subscribe }: PreparedOperation,
  { client, connectionLimiter, connection: { subscriptions } }: RequestInfo,
  beat: number,
  response: ServerResponse,
  refuse: (result: ExecutionResult) => void,
) {
  if (response.destroyed) return; // its close was told before anybody listened for it
  const context: Context = args.contextValue as Context;
  const { viewer } = context;
  const leaves = [connectionLimiter.enter('network', client.network), viewer ? connectionLimiter.enter('user', viewer.user.id) : () => {}];
  response.once('close', () => {
    for (const leave of leaves) leave?.();
  });
  if (leaves.includes(undefined)) return refuse({ errors: [requestError('RATE_LIMITED')] });
  const result = kind === 'subscription' ? await subscribe(args) : await execute(args);
  if (!(Symbol.asyncIterator in result))
    return kind === 'subscription' ? refuse(result) : send(only(result), response, () => ':\n\n', beat);
  const results = result[Symbol.asyncIterator]();
  if (response.destroyed) return void results.return?.();
  const stopExpiry = onTokenExpired(context, () => {
    for (const stream of subscriptions) stream.fail(graphqlError('TOKEN_EXPIRED'));
    setTimeout(() => response.destroy(), lastWordWithin).unref();
  });
  response.once('close', stopExpiry);
  const say = () => {
    const said = createHeartbeat(subscriptions, context);
    return said ? `: ${JSON.stringify(said)}\n\n` : ':\n\n';
  };
  await send(results, response, say, beat);
}

const deafAfter = 20_000; // milliseconds without a byte taken in: a dead peer is found within 30 s (security.md 17.9)
const lastWordWithin = 1_000; // milliseconds that a stream has to say why it ends, whatever it is about (security.md F20: 2 s)

async function* only(result: ExecutionResult) {
  yield result;
}

async function send(results: AsyncIterator<ExecutionResult>, response: ServerResponse, say: () => string, every: number) {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  response.write(':\n\n');
  const beat = setInterval(() => response.writableNeedDrain || response.write(say()), every);
  response.once('close', () => {
    clearInterval(beat);
    void results.return?.();
  });
  for (let next = await results.next(); !next.done && !response.destroyed; next = await results.next()) {
    const { errors, data } = next.value;
    const taken = response.write(`event: next\ndata: ${stringify({ errors: errors?.map(toClientError), data })}\n\n`);
    if (!taken) await drained(response);
  }
  response.end('event: complete\ndata:\n\n');
}

/** Waits until more may be written, or nothing any more: who takes in nothing for so long is cut off, and may go on from a cursor. */
async function drained(response: ServerResponse) {
  const over = new AbortController();
  const deaf = setTimeout(() => response.destroy(), deafAfter).unref();
  await Promise.race(['drain', 'close'].map((event) => once(response, event, over)));
  clearTimeout(deaf);
  over.abort(); // the one that did not happen is no longer listened for
}
