import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { graphqlError, validationError } from '../../errors.ts';
import type { PrepareOperation, RequestInfo } from '../../graphql/execution/operation.ts';
import { stringify, toClientError } from '../../graphql/execution/response-limits.ts';
import { parseHeartbeatInterval } from '../heartbeat.ts';
import { respondWithEventStream } from './graphql-over-sse.ts';
import type { OperationParams } from './request-guard.ts';

/** Answers one operation: in JSON or, as far as the caller takes nothing else or it never ends, as a stream. */
export async function respondWithJson(
  prepare: PrepareOperation,
  caller: RequestInfo,
  params: OperationParams,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const prepared = await prepare(caller, params);
  if (!('args' in prepared)) return send(request, response, { errors: prepared });
  const { accept = '' } = request.headers;
  const isSubscription = prepared.kind === 'subscription';
  if (accept.includes('text/event-stream') && (isSubscription || !accept.includes('json'))) {
    const beat = parseHeartbeatInterval(params.extensions?.heartbeat);
    if (beat === undefined) return send(request, response, { errors: [validationError({ heartbeat: ['500 to 30000 milliseconds'] })] });
    return respondWithEventStream(prepared, caller, beat, response, (result) => send(request, response, result));
  }
  if (isSubscription) return send(request, response, { errors: [onlyAsStream()] });
  send(request, response, await prepared.execute(prepared.args));
}

const onlyAsStream = () => graphqlError('INVALID_INPUT', { http: { status: 406, headers: {} } });

interface HttpExtension {
  readonly status?: number;
  readonly headers?: Record<string, string>;
}

/** Sends a result; where there is no data, with the status of the error that refused it. */
function send(request: IncomingMessage, response: ServerResponse, { errors, data }: ExecutionResult) {
  const type = request.headers.accept?.includes('application/graphql-response+json')
    ? 'application/graphql-response+json'
    : 'application/json';
  const body = stringify({ errors: errors?.map(toClientError), data });
  const refusal = data ? undefined : (errors?.find((error) => error.extensions.http)?.extensions.http as HttpExtension | undefined);
  const headers = { 'content-type': `${type}; charset=utf-8`, 'content-length': Buffer.byteLength(body), ...refusal?.headers };
  response.writeHead(refusal?.status ?? 200, headers).end(body);
}
