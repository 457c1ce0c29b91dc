import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ExecutionResult, GraphQLError } from 'graphql';
import { graphqlError, requestError, validationError } from '../../errors.ts';
import type { ActiveSubscription } from '../../graphql/execution/connection.ts';
import type { AuthenticatedOperation, OperationRequest } from '../../graphql/execution/operation.ts';
import { stringify, toClientError } from '../../graphql/execution/response-limits.ts';
import { createHeartbeat, parseHeartbeatInterval } from '../heartbeat.ts';
import { onTokenExpired } from '../token-expiry.ts';
import type { EndpointRequest } from './endpoint.ts';

const stalledAfter = 20_000; // milliseconds: a dead client is found within 30 s (security.md 17.9)
const maxClosingTime = 1_000; // milliseconds to deliver the last error of an expired token (security.md F20: 2 s)

/**
 * Responds to a subscription, and to other operations if the client does not accept JSON, with server-sent events (GraphQL over SSE, distinct
 * connections mode), until the access token expires. Returns a result that must be sent as JSON instead.
 */
export async function respondWithEventStream(
  { run, connectionLimiter }: Pick<EndpointRequest, 'run' | 'connectionLimiter'>,
  request: OperationRequest,
  acceptsJson: boolean,
  response: ServerResponse,
): Promise<ExecutionResult | undefined> {
  const { client, params } = request;
  const interval = parseHeartbeatInterval(params.extensions?.heartbeat);
  const subscriptions = new Set<ActiveSubscription>();
  const streamed: { operation?: AuthenticatedOperation } = {};

  const admit = (operation: AuthenticatedOperation): GraphQLError | undefined => {
    if (operation.kind !== 'subscription' && acceptsJson) return undefined;
    if (interval === undefined) return validationError({ heartbeat: ['must be 500 to 30000 milliseconds'] });
    if (response.destroyed) return requestError('UNAVAILABLE'); // its `close` event is over, and would release no slot
    const { viewer } = operation.context;
    const releases = [
      connectionLimiter.acquire('network', client.network),
      viewer ? connectionLimiter.acquire('user', viewer.user.id) : () => {},
    ];
    response.once('close', () => {
      for (const release of releases) release?.();
    });
    if (releases.includes(undefined)) return requestError('RATE_LIMITED');
    streamed.operation = operation;
    return undefined;
  };

  const outcome = await run({ ...request, connection: response, subscriptions, admit });
  const { operation } = streamed;
  if (!operation || interval === undefined) return outcome as ExecutionResult;
  if (Symbol.asyncIterator in outcome) {
    const results = outcome[Symbol.asyncIterator]();
    if (response.destroyed) void results.return?.();
    else await streamUntilExpiry(results, operation, subscriptions, interval, response);
  } else if (operation.kind === 'subscription') return outcome;
  else await send(single(outcome), response, () => ':\n\n', interval);
  return undefined;
}

async function streamUntilExpiry(
  results: AsyncIterator<ExecutionResult>,
  { context }: AuthenticatedOperation,
  subscriptions: ReadonlySet<ActiveSubscription>,
  interval: number,
  response: ServerResponse,
) {
  const stopExpiry = onTokenExpired(context, () => {
    for (const subscription of subscriptions) subscription.fail(graphqlError('TOKEN_EXPIRED'));
    setTimeout(() => response.destroy(), maxClosingTime).unref();
  });
  context.metrics.openConnections.inc({ transport: 'sse' });
  response.once('close', () => {
    stopExpiry();
    context.metrics.openConnections.dec({ transport: 'sse' });
  });
  const heartbeatComment = () => {
    const heartbeat = createHeartbeat(subscriptions, context);
    return heartbeat ? `: ${JSON.stringify(heartbeat)}\n\n` : ':\n\n';
  };
  await send(results, response, heartbeatComment, interval);
}

async function* single(result: ExecutionResult) {
  yield result;
}

async function send(results: AsyncIterator<ExecutionResult>, response: ServerResponse, comment: () => string, interval: number) {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
  response.write(':\n\n');
  const heartbeats = setInterval(() => response.writableNeedDrain || response.write(comment()), interval);
  response.once('close', () => {
    clearInterval(heartbeats);
    void results.return?.();
  });
  for (let next = await results.next(); !next.done && !response.destroyed; next = await results.next()) {
    const { errors, data } = next.value;
    const isFlushed = response.write(`event: next\ndata: ${stringify({ errors: errors?.map(toClientError), data })}\n\n`);
    if (!isFlushed) await waitForDrain(response);
  }
  response.end('event: complete\ndata:\n\n');
}

/** Waits until the response accepts more data or is closed. A stalled client is disconnected, and can resume from its cursor. */
async function waitForDrain(response: ServerResponse) {
  const abort = new AbortController();
  const timer = setTimeout(() => response.destroy(), stalledAfter).unref();
  await Promise.race(['drain', 'close'].map((event) => once(response, event, abort)));
  clearTimeout(timer);
  abort.abort(); // removes the other listener
}
