import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { runAs } from '../database/workload.ts';
import { sendGraphiql } from '../endpoints/graphiql.ts';
import { errorCodeFromDatabase } from '../errors.ts';
import type { AppServices } from '../graphql/context.ts';
import { createExecutor } from '../graphql/execution/executor.ts';
import type { Notifier } from '../identity/tokens/revocation-notifier.ts';
import { createPendingEvents } from '../identity/unit-of-work.ts';
import type { ClientInfo } from '../lib/client-info.ts';
import type { Logger } from '../logger.ts';
import { schema } from '../schema/schema.ts';
import { createAccessLog } from '../transport/access-log.ts';
import { createConnectionLimiter } from '../transport/connection-limiter.ts';
import { getClientInfo } from '../transport/http/client-info.ts';
import { respondToOperation } from '../transport/http/graphql-over-http.ts';
import { observeRequest, reportTo, type SeenRequest } from '../transport/http/observe-request.ts';
import { createRequestGuard } from '../transport/http/request-guard.ts';
import { createWebSocketServer } from '../transport/websocket/websocket-server.ts';
import { createBoundedServer } from './bounded-server.ts';
import { matchRoute } from './routes.ts';

/** Creates the server of one port: GraphQL over HTTP, SSE and WebSocket, and the endpoints. It does not listen yet. */
export function createHttpServer(services: AppServices, notifier: Pick<Notifier, 'flush'>) {
  const { config, log } = services;
  const guard = createRequestGuard(config, log);
  const run = createExecutor(schema, services, notifier);
  const connectionLimiter = createConnectionLimiter();
  const accessLog = createAccessLog(log);
  const observers = { metrics: services.metrics, accessLog };
  const server = createBoundedServer(
    (request, response) =>
      void observeRequest(observers, request, response, (seen) =>
        respond(request, response, seen).catch((error: Error) => respondToFailure(log, response, error)),
      ),
  );
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    void observeRequest(observers, request, response, (seen) => {
      prepareResponse(request, response, seen);
      guard.rejectRequest(response, 417, 'INVALID_INPUT');
    });
  });
  const sockets = createWebSocketServer(services, { run, guard, connectionLimiter, accessLog });
  server.on('upgrade', sockets.upgrade);

  function prepareResponse(request: IncomingMessage, response: ServerResponse, seen: SeenRequest): ClientInfo {
    const client = getClientInfo(request, config);
    seen.client = client;
    guard.setSecurityHeaders(request, response, client.requestId);
    return client;
  }

  async function respond(request: IncomingMessage, response: ServerResponse, seen: SeenRequest) {
    const client = prepareResponse(request, response, seen);
    guard.reportUntrustedProxy(request);
    const path = request.url?.split('?', 1)[0] ?? '';
    if (guard.hasRepeatedHeader(request)) return guard.rejectRequest(response, 400, 'INVALID_INPUT');
    // Probes of load balancers and orchestrators name an address instead of a host, or none.
    if (!path.startsWith('/health/')) {
      if (request.headers.host === undefined) return guard.rejectRequest(response, 400, 'INVALID_INPUT'); // RFC 9112 §3.2
      if (!guard.isAllowedHost(request)) return guard.rejectRequest(response, 421, 'INVALID_INPUT');
    }
    if (path === '/graphql') return respondToGraphql(request, response, client, seen);
    const match = matchRoute(path, config);
    if (!match) return guard.rejectRequest(response, 404, 'NOT_FOUND');
    const { route, endpoint } = match;
    seen.route = route;
    const methods = endpoint.method.replace('GET', 'GET, HEAD');
    if (!methods.split(', ').includes(request.method ?? '')) return guard.rejectMethod(request, response, methods);
    const events = createPendingEvents();
    const exchange = { services, client, events, guard, connectionLimiter, run: reportTo(seen, accessLog, run), seen, request, response };
    try {
      await runAs({ class: endpoint.workload ?? 'read', kind: path, party: client.network }, () => endpoint.respond(exchange));
    } finally {
      notifier.flush(events);
    }
  }

  async function respondToGraphql(request: IncomingMessage, response: ServerResponse, client: ClientInfo, seen: SeenRequest) {
    seen.route = '/graphql';
    if (!guard.isAllowedOrigin(request)) return guard.rejectRequest(response, 403, 'FORBIDDEN');
    if (request.method === 'OPTIONS') return guard.respondToPreflight(response);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (isRead && !config.production && request.headers.accept?.includes('text/html')) return sendGraphiql(response);
    if (request.method !== 'POST') return guard.rejectMethod(request, response, 'POST, OPTIONS');
    if (request.url?.includes('?')) return guard.rejectRequest(response, 400, 'INVALID_INPUT'); // a query string would be logged by proxies
    const params = await guard.readOperation(request, response);
    if (params) await respondToOperation({ run: reportTo(seen, accessLog, run), connectionLimiter }, client, params, request, response);
  }

  return { server, closeIdleConnections: createIdleCloser(server), close: sockets.close };
}

function respondToFailure(log: Logger, response: ServerResponse, error: Error) {
  if (response.destroyed) return; // the client disconnected during its request
  const isUnavailable = errorCodeFromDatabase(error) === 'UNAVAILABLE';
  log.error({ event: 'sys_defect', error: String(error.stack) }, 'request failed unexpectedly');
  if (!response.headersSent) response.writeHead(isUnavailable ? 503 : 500);
  response.end();
}

/** Returns how to close idle connections, also those that have never sent a request: Node considers them active. */
function createIdleCloser(server: Server): () => void {
  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  return () => {
    server.closeIdleConnections();
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
  };
}
