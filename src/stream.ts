import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { shown, stringify } from './answer.ts';
import type { Context } from './context.ts';
import { refusal } from './errors.ts';
import type { Caller, Prepared } from './operation.ts';

const beatEvery = 12_000; // milliseconds; what stands between closes a line on which nothing is heard for a minute or so

/** Answers an operation as server-sent events (GraphQL over SSE, distinct connections mode). `refuse` answers what is not streamed. */
export async function answerStream(
  { args, kind, execute, subscribe }: Prepared,
  { client, census }: Caller,
  response: ServerResponse,
  refuse: (result: ExecutionResult) => void,
) {
  const { viewer } = args.contextValue as Context;
  const leaves = [census.enter('network', client.network), viewer ? census.enter('user', viewer.user.id) : () => {}];
  response.once('close', () => {
    for (const leave of leaves) leave?.();
  });
  if (leaves.includes(undefined)) return refuse({ errors: [refusal('RATE_LIMITED')] });
  const result = kind === 'subscription' ? await subscribe(args) : await execute(args);
  if (!(Symbol.asyncIterator in result)) return kind === 'subscription' ? refuse(result) : send(only(result), response);
  await send(result[Symbol.asyncIterator](), response);
}

async function* only(result: ExecutionResult) {
  yield result;
}

async function send(results: AsyncIterator<ExecutionResult>, response: ServerResponse) {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  response.write(':\n\n');
  const beat = setInterval(() => response.writableNeedDrain || response.write(':\n\n'), beatEvery);
  response.once('close', () => {
    clearInterval(beat);
    void results.return?.();
  });
  for (let next = await results.next(); !next.done && !response.destroyed; next = await results.next()) {
    const { errors, data } = next.value;
    const taken = response.write(`event: next\ndata: ${stringify({ errors: errors?.map(shown), data })}\n\n`);
    if (!taken) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  }
  response.end('event: complete\ndata:\n\n');
}
