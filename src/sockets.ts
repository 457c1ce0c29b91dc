import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExecutionArgs, GraphQLError } from 'graphql';
import { CloseCode, type Context as Connection, GRAPHQL_TRANSPORT_WS_PROTOCOL, type SubscribePayload } from 'graphql-ws';
import { type Extra, useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import { authenticate } from './auth/authenticate.ts';
import { clientOf } from './client.ts';
import type { Context, Ground } from './context.ts';
import { type Door, isSound } from './door.ts';
import { maskWith } from './mask.ts';
import type { Pipeline } from './pipeline.ts';

// security.md F28
const most = { frame: 64 * 1024, subscriptions: 20, perUser: 10, perNetwork: 50, messagesPerMinute: 100, initWait: 3_000, ackWait: 5_000 };
const lastEventWithin = 1_000; // milliseconds that the last event has to leave before its socket closes (security.md F20: 2 s)

type Link = Connection<Record<string, unknown>, Extra & Record<PropertyKey, unknown> & { who?: { user: string; token: string } }>;

/** GraphQL over WebSocket, through the same pipeline. A socket ends with the token that it was opened with. */
export function openSockets(ground: Ground, pipeline: Pipeline, door: Door) {
  const mask = maskWith(ground.log);
  const links = new Map<WebSocket, { link: Link; network: string }>();
  const socketServer = new WebSocketServer({
    noServer: true,
    maxPayload: most.frame,
    handleProtocols: (offered) => offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) && GRAPHQL_TRANSPORT_WS_PROTOCOL,
  });
  const server = useServer<Record<string, unknown>, Link['extra']>(
    {
      connectionInitWaitTimeout: most.initWait,
      onConnect: (link) => within(most.ackWait, admit(link as Link)),
      onSubscribe: (link, _, payload) => prepare(link as Link, payload),
      execute: (args) => run(args).execute(args),
      subscribe: (args) => run(args).subscribe(args),
      onError: (_, __, ___, errors) => errors.map((error) => withoutHttp(mask(error))),
      onNext: (_, __, ___, ____, result) => (result.errors ? { ...result, errors: result.errors.map(withoutHttp) } : undefined),
    },
    socketServer,
    12_000,
  );
  const stopHearing = ground.revocations.on(({ tokenId }) => {
    for (const [socket, { link }] of links) if (link.extra.who?.token === tokenId) void closeAfterLast(socket, link);
  });

  /** Checks the credential that came with `connection_init`; false closes the socket with 4403. */
  async function admit(link: Link): Promise<boolean> {
    const { socket, request } = link.extra;
    const context = await authenticate(ground, clientOf(request, ground.config), authorizationOf(link)).catch(() => null);
    if (!context) return false;
    const user = context.viewer?.user.id;
    const others = [...links.values()].filter(({ link: other }) => user !== undefined && other.extra.who?.user === user);
    if (others.length >= most.perUser) return false;
    if (context.viewer) link.extra.who = { user: context.viewer.user.id, token: context.viewer.token.id };
    links.set(socket, { link, network: context.client.network });
    return true;
  }

  /** Parses, validates and authenticates an operation as a request over HTTP would be. */
  async function prepare(link: Link, params: SubscribePayload): Promise<ExecutionArgs | readonly GraphQLError[]> {
    try {
      if (Object.keys(link.subscriptions).length > most.subscriptions || !isSound(params.variables))
        return [mask(new Error('too many subscriptions'))];
      const client = clientOf(link.extra.request, ground.config);
      const { schema, execute, subscribe, contextFactory, parse, validate } = pipeline.getEnveloped({
        client,
        authorization: authorizationOf(link),
        params,
      });
      const document = parse(params.query);
      const errors = validate(schema, document);
      if (errors.length > 0) return errors;
      const contextValue: Context = await contextFactory();
      return runs(
        { schema, document, operationName: params.operationName, variableValues: params.variables, contextValue },
        { execute, subscribe },
      );
    } catch (error) {
      return [mask(error)];
    }
  }

  function upgrade(request: IncomingMessage, stream: Duplex, head: Buffer) {
    const { network } = clientOf(request, ground.config);
    const crowded = [...links.values()].filter((link) => link.network === network).length >= most.perNetwork;
    const isOurs = request.url === '/graphql' && door.knows(request) && door.admits(request);
    if (!isOurs || crowded)
      return void stream.end(`HTTP/1.1 ${crowded ? '429 Too Many Requests' : '403 Forbidden'}\r\nconnection: close\r\n\r\n`);
    socketServer.handleUpgrade(request, stream, head, (socket) => {
      socket.once('close', () => links.delete(socket));
      limitMessages(socket);
      socketServer.emit('connection', socket, request);
    });
  }

  return {
    upgrade,
    close: async () => {
      stopHearing();
      await server.dispose();
    },
  };
}

const authorizationOf = (link: Link) => {
  const said = link.connectionParams?.authorization ?? link.connectionParams?.Authorization;
  return typeof said === 'string' ? said : null;
};

type Run = { execute: (args: ExecutionArgs) => never; subscribe: (args: ExecutionArgs) => never };
const prepared = new WeakMap<object, Run>();
const runs = (args: ExecutionArgs, how: object) => {
  prepared.set(args.contextValue as object, how as Run);
  return args;
};
const run = (args: ExecutionArgs) => prepared.get(args.contextValue as object) as Run;

/** The status of HTTP means nothing on a socket. */
function withoutHttp<E extends { extensions?: object | undefined }>(error: E): E {
  const { http: _, ...extensions } = (error.extensions ?? {}) as { http?: unknown };
  return Object.assign(Object.create(error), { extensions, toJSON: undefined });
}

const within = <T>(milliseconds: number, promise: Promise<T>): Promise<T | false> =>
  Promise.race([promise, new Promise<false>((resolve) => setTimeout(resolve, milliseconds, false).unref())]);

/** The streams of a token that ended finish by themselves with its last event; then its socket closes. */
async function closeAfterLast(socket: WebSocket, link: Link) {
  const until = Date.now() + lastEventWithin;
  while (Object.keys(link.subscriptions).length > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
  socket.close(CloseCode.Forbidden, 'The session has ended');
}

function limitMessages(socket: WebSocket) {
  let left = most.messagesPerMinute;
  const refill = setInterval(() => {
    left = most.messagesPerMinute;
  }, 60_000);
  socket.on('message', () => {
    left -= 1;
    if (left < 0) socket.close(CloseCode.TooManyInitialisationRequests, 'Too many messages');
  });
  socket.once('close', () => clearInterval(refill));
}
