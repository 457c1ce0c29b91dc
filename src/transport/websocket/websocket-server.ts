import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GraphQLError } from 'graphql';
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer, type SubscribePayload } from 'graphql-ws';
import { WebSocketServer } from 'ws';
import { shown } from '../../graphql/execution/response-limits.ts';
import type { Census } from '../connection-limiter.ts';
import { clientOf } from '../http/client-info.ts';
import type { Ground } from '../../graphql/context.ts';
import { bareAnswer, type Door, isOperation } from '../http/request-guard.ts';
import { failure } from '../../errors.ts';
import { closingOf, closings, type Link, openLink } from './websocket-connection.ts';
import type { Prepare, Prepared } from '../../graphql/execution/operation.ts';
import { admission, authorizationOf } from './connection-auth.ts';
import { followSessions, type Talk } from './session-tracker.ts';

const most = { frame: 64 * 1024, subscriptions: 20 }; // security.md F28, as are the waits for init and ack
const wait = { init: 3_000, ack: 5_000, close: 2_000, probe: 15_000 };

/** GraphQL over WebSocket, through the same pipeline. A socket ends with the token that it was opened with. */
export function openSockets(ground: Ground, prepare: Prepare, door: Door, census: Census) {
  const links = new Set<Link>();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: most.frame,
    ...({ closeTimeout: wait.close } as object), // @types/ws does not know it yet
    handleProtocols: (offered) => offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) && GRAPHQL_TRANSPORT_WS_PROTOCOL,
  });
  const protocol = makeServer<Record<string, unknown>, Link>({
    connectionInitWaitTimeout: wait.init,
    onConnect: (talk) => inTime(talk, admit(talk)),
    onSubscribe: (talk, _, payload) => ready(talk, payload),
    execute: (args) => (args as unknown as Prepared).execute(args) as never,
    subscribe: (args) => (args as unknown as Prepared).subscribe(args) as never,
    onNext: (_, __, ___, ____, { errors, data }) => (errors ? { data, errors: errors.map(shown) } : undefined),
  });
  const sessions = followSessions(ground, census);
  const { admit, answerPing } = admission(ground, sessions);
  const probes = setInterval(() => {
    for (const link of links) link.probe();
  }, wait.probe);

  const failed = (error: Error) => ground.log.error({ error: String(error.stack) }, 'a message was not taken in');

  /** The operation as a request over HTTP would be prepared. */
  async function ready(talk: Talk, payload: SubscribePayload): Promise<never | readonly GraphQLError[]> {
    if (Object.keys(talk.subscriptions).length > most.subscriptions) return [failure('QUERY_TOO_COMPLEX', { limit: 'subscriptions' })];
    if (!isOperation(payload)) return [failure('INVALID_INPUT')];
    const { request, connection } = talk.extra;
    const authorization = talk.extra.lease?.authorization ?? authorizationOf(talk);
    const caller = { client: clientOf(request, ground.config), authorization, connection, census };
    const prepared = await prepare(caller, payload);
    return 'args' in prepared ? ({ ...prepared, ...prepared.args } as never) : prepared.map(shown);
  }

  function upgrade(request: IncomingMessage, stream: Duplex, head: Buffer) {
    stream.on('error', () => stream.destroy()); // nobody else listens until it is a socket
    const refused = refusalOf(request, door);
    const leave = refused ? undefined : census.enter('network', clientOf(request, ground.config).network);
    if (!leave) return void stream.end(bareAnswer(refused ?? '429 Too Many Requests'), () => stream.destroy());
    stream.once('close', leave);
    sockets.handleUpgrade(request, stream, head, (socket) => converse(openLink(socket, request, failed)));
  }

  /** Speaks the protocol over an open socket. */
  function converse(link: Link) {
    links.add(link);
    const { protocol: spoken, send, listen, connection } = link;
    const close = (code = 0) => link.close(closingOf(code));
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
      for (const link of links) link.close(closings.away);
      await new Promise((resolve) => sockets.close(resolve));
    },
  };
}

function refusalOf(request: IncomingMessage, door: Door): string | undefined {
  if (door.isAmbiguous(request)) return '400 Bad Request';
  if (!door.knows(request)) return '421 Misdirected Request';
  if (request.url !== '/graphql') return '404 Not Found'; // nothing of a request stands in its URL
  return door.admits(request) ? undefined : '403 Forbidden';
}

/** What is admitted within the wait; a socket whose caller cannot be looked up is not kept (security.md 17.9). */
function inTime({ extra }: Talk, admitted: Promise<boolean>): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => {
    extra.close(closings.later);
    late.resolve(false);
  }, wait.ack);
  return Promise.race([admitted, late.promise]).finally(() => clearTimeout(timer));
}
