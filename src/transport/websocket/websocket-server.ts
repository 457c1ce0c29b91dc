import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GraphQLError } from 'graphql';
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer, type SubscribePayload } from 'graphql-ws';
import { WebSocketServer } from 'ws';
import { graphqlError } from '../../errors.ts';
import type { AppServices } from '../../graphql/context.ts';
import type { PreparedOperation, PrepareOperation } from '../../graphql/execution/operation.ts';
import { toClientError } from '../../graphql/execution/response-limits.ts';
import type { ConnectionLimiter } from '../connection-limiter.ts';
import { getClientInfo } from '../http/client-info.ts';
import { isOperation, type RequestGuard, rawHttpResponse } from '../http/request-guard.ts';
import { authorizationOf, createConnectionAuth } from './connection-auth.ts';
import { type SocketContext, trackSessions } from './session-tracker.ts';
import { closeCodeFor, closeCodes, type WebSocketConnection, wrapSocket } from './websocket-connection.ts';

const most = { frame: 64 * 1024, subscriptions: 20 }; // security.md F28, as are the waits for init and ack
const wait = { init: 3_000, ack: 5_000, close: 2_000, probe: 15_000 };

/** GraphQL over WebSocket, through the same pipeline. A socket ends with the token that it was opened with. */
export function createWebSocketServer(
  services: AppServices,
  prepare: PrepareOperation,
  guard: RequestGuard,
  connectionLimiter: ConnectionLimiter,
) {
  const links = new Set<WebSocketConnection>();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: most.frame,
    ...({ closeTimeout: wait.close } as object), // @types/ws does not know it yet
    handleProtocols: (offered) => offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) && GRAPHQL_TRANSPORT_WS_PROTOCOL,
  });
  const protocol = makeServer<Record<string, unknown>, WebSocketConnection>({
    connectionInitWaitTimeout: wait.init,
    onConnect: (talk) => inTime(talk, admit(talk)),
    onSubscribe: (talk, _, payload) => ready(talk, payload),
    execute: (args) => (args as unknown as PreparedOperation).execute(args) as never,
    subscribe: (args) => (args as unknown as PreparedOperation).subscribe(args) as never,
    onNext: (_, __, ___, ____, { errors, data }) => (errors ? { data, errors: errors.map(toClientError) } : undefined),
  });
  const sessions = trackSessions(services, connectionLimiter);
  const { admit, answerPing } = createConnectionAuth(services, sessions);
  const probes = setInterval(() => {
    for (const link of links) link.checkAlive();
  }, wait.probe);

  const failed = (error: Error) => services.log.error({ error: String(error.stack) }, 'a message was not taken in');

  /** The operation as a request over HTTP would be prepared. */
  async function ready(talk: SocketContext, payload: SubscribePayload): Promise<never | readonly GraphQLError[]> {
    if (Object.keys(talk.subscriptions).length > most.subscriptions) return [graphqlError('QUERY_TOO_COMPLEX', { limit: 'subscriptions' })];
    if (!isOperation(payload)) return [graphqlError('INVALID_INPUT')];
    const { request, connection } = talk.extra;
    const authorization = talk.extra.authorization?.authorization ?? authorizationOf(talk);
    const caller = { client: getClientInfo(request, services.config), authorization, connection, connectionLimiter };
    const prepared = await prepare(caller, payload);
    return 'args' in prepared ? ({ ...prepared, ...prepared.args } as never) : prepared.map(toClientError);
  }

  function upgrade(request: IncomingMessage, stream: Duplex, head: Buffer) {
    stream.on('error', () => stream.destroy()); // nobody else listens until it is a socket
    const refused = refusalOf(request, guard);
    const leave = refused ? undefined : connectionLimiter.enter('network', getClientInfo(request, services.config).network);
    if (!leave) return void stream.end(rawHttpResponse(refused ?? '429 Too Many Requests'), () => stream.destroy());
    stream.once('close', leave);
    sockets.handleUpgrade(request, stream, head, (socket) => converse(wrapSocket(socket, request, failed)));
  }

  /** Speaks the protocol over an open socket. */
  function converse(link: WebSocketConnection) {
    links.add(link);
    const { protocol: spoken, send, listen, connection } = link;
    const close = (code = 0) => link.close(closeCodeFor(code));
    const onPing = (payload?: Record<string, unknown>) => answerPing(link, payload);
    const closed = protocol.opened({ protocol: spoken, send, close, onMessage: listen, onPing }, link);
    connection.once('close', () => {
      links.delete(link);
      Promise.resolve(closed()).catch(failed);
    });
  }

  return {
    upgrade,
    close: async () => {
      sessions.stop();
      clearInterval(probes);
      for (const link of links) link.close(closeCodes.away);
      await new Promise((resolve) => sockets.close(resolve));
    },
  };
}

function refusalOf(request: IncomingMessage, guard: RequestGuard): string | undefined {
  if (guard.isAmbiguous(request)) return '400 Bad Request';
  if (!guard.knows(request)) return '421 Misdirected Request';
  if (request.url !== '/graphql') return '404 Not Found'; // nothing of a request stands in its URL
  return guard.admits(request) ? undefined : '403 Forbidden';
}

/** What is admitted within the wait; a socket whose caller cannot be looked up is not kept (security.md 17.9). */
function inTime({ extra }: SocketContext, admitted: Promise<boolean>): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => {
    extra.close(closeCodes.later);
    late.resolve(false);
  }, wait.ack);
  return Promise.race([admitted, late.promise]).finally(() => clearTimeout(timer));
}
