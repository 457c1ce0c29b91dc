import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, type ExecutionResult, type GraphQLError, parse } from 'graphql';
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer, type SubscribePayload } from 'graphql-ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { graphqlError } from '../../errors.ts';
import type { AppServices } from '../../graphql/context.ts';
import type { OperationReport, RunOperation } from '../../graphql/execution/operation.ts';
import { toClientError } from '../../graphql/execution/response-limits.ts';
import type { Metrics } from '../../metrics.ts';
import type { AccessLog } from '../access-log.ts';
import type { ConnectionLimiter } from '../connection-limiter.ts';
import { getClientInfo } from '../http/client-info.ts';
import { observeUpgrade } from '../http/observe-request.ts';
import { isOperation, type RequestGuard, rawHttpResponse, securityHeaderLines } from '../http/request-guard.ts';
import { authorizationOf, createSocketAuthorizer, type SocketContext, type SocketState } from './socket-authorization.ts';
import { closeCodeFor, closeCodes, WebSocketConnection } from './websocket-connection.ts';

const maxFrameBytes = 64 * 1024; // security.md F28, as are the subscriptions and the timeouts for init and ack
const maxSubscriptions = 20;
const timeouts = { init: 3_000, ack: 5_000, close: 2_000 }; // milliseconds
const livenessInterval = 15_000;

/** graphql-ws reads from a document whether it calls `execute` or `subscribe`. Both return the outcome of `run`, so any document will do. */
const placeholder = parse('{ __typename }');

/** The services that a WebSocket shares with the other transports. */
interface Transport {
  readonly run: RunOperation;
  readonly guard: RequestGuard;
  readonly connectionLimiter: ConnectionLimiter;
  readonly accessLog: AccessLog;
}

/** GraphQL over WebSocket (graphql-transport-ws). A socket is closed when the session that it was opened with ends. */
export function createWebSocketServer(services: AppServices, { run, guard, connectionLimiter, accessLog }: Transport) {
  const { connections, track } = trackConnections(services.metrics);
  const authorizer = createSocketAuthorizer(services, connectionLimiter);
  let isClosing = false;
  const sockets = createProtocolSwitch();
  const protocol = makeServer<Record<string, unknown>, SocketState>({
    connectionInitWaitTimeout: timeouts.init,
    onConnect: (socket) => withinAckTimeout(socket, authorizer.admit(socket)),
    onSubscribe: (socket, _, payload) => runOperation(socket, payload),
    execute: ({ contextValue }) => contextValue as ExecutionResult,
    subscribe: ({ contextValue }) => contextValue as AsyncIterableIterator<ExecutionResult>,
    onNext: (_, __, ___, ____, { errors, data }) => (errors ? { data, errors: errors.map(toClientError) } : undefined),
  });
  const livenessChecks = setInterval(() => {
    for (const connection of connections) connection.checkAlive();
  }, livenessInterval);

  const onError = (error: Error) =>
    services.log.error({ event: 'sys_defect', error: String(error.stack) }, 'handling a WebSocket message failed unexpectedly');

  /** Runs the operation. Its errors are those of a rejected operation; its arguments carry the outcome of any other. */
  async function runOperation(socket: SocketContext, payload: SubscribePayload): Promise<readonly GraphQLError[] | ExecutionArgs> {
    if (Object.keys(socket.subscriptions).length > maxSubscriptions) return [graphqlError('QUERY_TOO_COMPLEX', { limit: 'subscriptions' })];
    if (!isOperation(payload)) return [graphqlError('INVALID_INPUT')];
    const { request, connection } = socket.extra;
    const { subscriptions } = connection;
    const client = getClientInfo(request, services.config);
    const report = (operation: OperationReport) => accessLog.operation(client, operation);
    const outcome = await run({ params: payload, client, authorization: authorizationOf(socket), connection, subscriptions, report });
    if ('rejected' in outcome) return outcome.errors.map(toClientError);
    return { document: placeholder, contextValue: outcome } as unknown as ExecutionArgs;
  }

  function upgrade(request: IncomingMessage, stream: Duplex, head: Buffer) {
    stream.on('error', () => stream.destroy()); // until ws has taken over
    const client = getClientInfo(request, services.config);
    const rejection = isClosing ? '503 Service Unavailable' : upgradeRejection(request, guard);
    const release = rejection ? undefined : connectionLimiter.acquire('network', client.network);
    const status = release ? '101 Switching Protocols' : (rejection ?? '429 Too Many Requests');
    observeUpgrade({ metrics: services.metrics, accessLog }, client, stream, Number.parseInt(status, 10));
    if (!release) return endWith(stream, status);
    stream.once('close', release);
    sockets.handleUpgrade(request, stream, head, (socket) => handleConnection(socket, request));
  }

  function handleConnection(socket: WebSocket, request: IncomingMessage) {
    const connection = new WebSocketConnection(socket, onError);
    const state: SocketState = { connection, request };
    track(connection);
    const onClosed = protocol.opened(
      {
        protocol: connection.protocol,
        send: (text) => connection.send(text),
        close: (code = 0) => connection.close(closeCodeFor(code)),
        onMessage: (handle) => connection.onMessage(handle),
        onPing: (payload) => authorizer.answerPing(state, payload),
      },
      state,
    );
    connection.once('close', () => void Promise.resolve(onClosed()).catch(onError));
  }

  return {
    upgrade: destroyOnError(upgrade, onError),
    async close() {
      isClosing = true;
      authorizer.stop();
      clearInterval(livenessChecks);
      for (const connection of connections) connection.close(closeCodes.goingAway);
      await new Promise((resolve) => sockets.close(resolve));
    },
  };
}

/** Switches connections to the protocol of WebSocket. */
function createProtocolSwitch(): WebSocketServer {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    ...({ closeTimeout: timeouts.close } as object), // missing in @types/ws
    handleProtocols: (offered) => offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) && GRAPHQL_TRANSPORT_WS_PROTOCOL,
  });
  sockets.on('headers', (headers) => headers.push(...securityHeaderLines));
  // RFC 6455 §4.4: the response names the supported version.
  sockets.on('wsClientError', (_, stream) => endWith(stream, '400 Bad Request', ['sec-websocket-version: 13']));
  return sockets;
}

/** The connections that are open. */
function trackConnections({ openConnections }: Metrics) {
  const connections = new Set<WebSocketConnection>();
  const track = (connection: WebSocketConnection) => {
    connections.add(connection);
    openConnections.inc({ transport: 'websocket' });
    connection.once('close', () => {
      connections.delete(connection);
      openConnections.dec({ transport: 'websocket' });
    });
  };
  return { connections, track };
}

type Upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => void;

/** Destroys the connection of an upgrade that throws. Node has forgotten it: no timeout would close it, and the server could not stop. */
const destroyOnError =
  (upgrade: Upgrade, onError: (error: Error) => void): Upgrade =>
  (request, stream, head) => {
    try {
      upgrade(request, stream, head);
    } catch (error) {
      stream.destroy();
      onError(error as Error);
    }
  };

function endWith(stream: Duplex, status: string, headers: readonly string[] = []) {
  stream.end(rawHttpResponse(status, headers), () => stream.destroy());
}

function upgradeRejection(request: IncomingMessage, guard: RequestGuard): string | undefined {
  if (guard.hasRepeatedHeader(request)) return '400 Bad Request';
  if (!guard.isAllowedHost(request)) return '421 Misdirected Request';
  if (request.url !== '/graphql') return '404 Not Found'; // a query string would be logged by proxies
  return guard.isAllowedOrigin(request) ? undefined : '403 Forbidden';
}

/** Closes a socket whose caller could not be authenticated in time (security.md 17.9). The database has shorter limits, but each for one statement only. */
function withinAckTimeout({ extra }: SocketContext, admitted: Promise<boolean>): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => {
    extra.connection.close(closeCodes.tryAgainLater);
    late.resolve(false);
  }, timeouts.ack);
  return Promise.race([admitted, late.promise]).finally(() => clearTimeout(timer));
}
