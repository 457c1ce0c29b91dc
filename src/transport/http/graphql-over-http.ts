import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import { graphqlError } from '../../errors.ts';
import type { AuthenticatedOperation, OperationParams } from '../../graphql/execution/operation.ts';
import { stringify, toClientError } from '../../graphql/execution/response-limits.ts';
import type { ClientInfo } from '../../lib/client-info.ts';
import type { EndpointRequest } from './endpoint.ts';
import { respondWithEventStream } from './graphql-over-sse.ts';

/** Responds with JSON or, if the client accepts it and the operation needs it, with an event stream. */
export async function respondToOperation(
  server: Pick<EndpointRequest, 'run' | 'connectionLimiter'>,
  client: ClientInfo,
  params: OperationParams,
  request: IncomingMessage,
  response: ServerResponse,
) {
  const { accept = '', authorization = null } = request.headers;
  if (accept.includes('text/event-stream')) {
    const result = await respondWithEventStream(server, { params, client, authorization }, accept.includes('json'), response);
    if (result) sendResult(response, accept, result);
    return;
  }
  const operation = { params, client, authorization, connection: response, admit: rejectSubscription };
  sendResult(response, accept, (await server.run(operation)) as ExecutionResult);
}

const rejectSubscription = ({ kind }: AuthenticatedOperation) =>
  kind === 'subscription' ? graphqlError('INVALID_INPUT', { http: { status: 406, headers: {} } }) : undefined;

interface HttpExtension {
  readonly status?: number;
  readonly headers?: Record<string, string>;
}

/** Sends a result. Without data, the HTTP status is that of the error that rejected the operation. */
function sendResult(response: ServerResponse, accept: string, { errors, data }: ExecutionResult) {
  const mediaType = accept.includes('application/graphql-response+json') ? 'application/graphql-response+json' : 'application/json';
  const body = stringify({ errors: errors?.map(toClientError), data });
  const http = data ? undefined : (errors?.find((error) => error.extensions.http)?.extensions.http as HttpExtension | undefined);
  const headers = { 'content-type': `${mediaType}; charset=utf-8`, 'content-length': Buffer.byteLength(body), ...http?.headers };
  response.writeHead(http?.status ?? 200, headers).end(body);
}
