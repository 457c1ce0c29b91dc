import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { AppServices } from '../graphql/context.ts';
import type { ActiveSubscription } from '../graphql/execution/connection.ts';
import { createExecutor, type Executor } from '../graphql/execution/executor.ts';
import type { RequestInfo } from '../graphql/execution/operation.ts';
import type { Notifier } from '../identity/tokens/revocation-notifier.ts';
import { createPendingEvents, type UnitOfWork } from '../identity/unit-of-work.ts';
import { createConnectionLimiter } from '../transport/connection-limiter.ts';
import { getClientInfo } from '../transport/http/client-info.ts';
import { respondWithJson } from '../transport/http/graphql-over-http.ts';
import { createRequestGuard, rawHttpResponse } from '../transport/http/request-guard.ts';
import { createWebSocketServer } from '../transport/websocket/websocket-server.ts';
import { matchRoute } from './routes.ts';

/** What Node could not make a request of, as it says it. */
const misunderstood: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

/** One port: GraphQL over HTTP, SSE and WebSocket, and what is served beside it. Not listening yet. */
export function createHttpServer(services: AppServices, notifier: Pick<Notifier, 'flush'>) {
  const { config } = services;
  const guard = createRequestGuard(config);
  const pipeline = createExecutor(services, notifier);
  const connectionLimiter = createConnectionLimiter();
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 20_000, keepAliveTimeout: 65_000, maxHeaderSize: 16 * 1024 }, // security.md F30
    (request, response) => void answer(request, response).catch((error: Error) => fail(services, response, error)),
  );
  const sockets = createWebSocketServer(services, pipeline.prepare, guard, connectionLimiter);
  server.on('upgrade', sockets.upgrade);
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    if (stream.writable) stream.end(rawHttpResponse(misunderstood[error.code ?? ''] ?? '400 Bad Request'), () => stream.destroy());
    else stream.destroy();
  });

  async function answer(request: IncomingMessage, response: ServerResponse) {
    const client = getClientInfo(request, config);
    guard.greet(request, response, client.requestId);
    if (guard.isAmbiguous(request)) return guard.refuse(response, 400, 'INVALID_INPUT');
    if (!guard.knows(request)) return guard.refuse(response, 421, 'INVALID_INPUT');
    const path = request.url?.split('?', 1)[0];
    if (path === '/graphql')
      return answerGraphql(request, response, {
        client,
        authorization: request.headers.authorization ?? null,
        connection: Object.assign(response, { subscriptions: new Set<ActiveSubscription>() }),
        connectionLimiter,
      });
    const endpoint = matchRoute(path ?? '');
    if (!endpoint) return guard.refuse(response, 404, 'NOT_FOUND');
    if (!endpoint.method.split(', ').includes(request.method ?? '')) return guard.refuse(response, 405, 'INVALID_INPUT', endpoint.method);
    const events = createPendingEvents();
    try {
      await endpoint.answer({ services, client, events, guard, connectionLimiter, prepare: pipeline.prepare, request, response });
    } finally {
      notifier.flush(events);
    }
  }

  async function answerGraphql(request: IncomingMessage, response: ServerResponse, caller: RequestInfo) {
    if (!guard.admits(request)) return guard.refuse(response, 403, 'FORBIDDEN');
    if (request.method === 'OPTIONS') return guard.answerPreflight(response);
    if (request.method === 'GET' && !config.production && request.headers.accept?.includes('text/html'))
      return showGraphiql(pipeline, request, response);
    if (request.method !== 'POST') return guard.refuse(response, 405, 'INVALID_INPUT');
    if (request.url?.includes('?')) return guard.refuse(response, 400, 'INVALID_INPUT'); // nothing of a request stands in its URL
    const body = await guard.readOperation(request, response);
    if (body) await respondWithJson(pipeline.prepare, caller, body, request, response);
  }

  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  /** Closes the connections on which nothing is asked, or was ever: Node takes those for busy. */
  const closeIdle = () => {
    server.closeIdleConnections();
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
  };

  return { server, closeIdle, close: sockets.close };
}

/** GraphiQL loads its script from where it is published; only here, and only in development, a page may do that. */
async function showGraphiql(pipeline: Executor, request: IncomingMessage, response: ServerResponse) {
  response.removeHeader('content-security-policy');
  response.removeHeader('cross-origin-opener-policy');
  await pipeline.yoga.handle(request, response, {} as RequestInfo & UnitOfWork);
}

function fail({ log }: AppServices, response: ServerResponse, error: Error) {
  if (response.destroyed) return; // the client went away in the middle of its request
  log.error({ error: String(error.stack) }, 'a request failed unexpectedly');
  if (!response.headersSent) response.writeHead(500);
  response.end();
}
