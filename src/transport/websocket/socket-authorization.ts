import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context as GraphqlWsContext } from 'graphql-ws';
import { codeOf, graphqlError } from '../../errors.ts';
import { authenticate } from '../../graphql/authenticate.ts';
import type { AppServices, Context } from '../../graphql/context.ts';
import { createPendingEvents } from '../../identity/unit-of-work.ts';
import { credentialOf } from '../../identity/viewer.ts';
import type { ConnectionLimiter } from '../connection-limiter.ts';
import { createHeartbeat, parseHeartbeatInterval } from '../heartbeat.ts';
import { getClientInfo } from '../http/client-info.ts';
import { onTokenExpired } from '../token-expiry.ts';
import { closeCodes, type WebSocketConnection } from './websocket-connection.ts';

const maxClosingTime = 1_000; // milliseconds to deliver the last event of a revoked token (security.md F20: 2 s)

/** What graphql-ws keeps for us about a socket. */
export interface SocketState {
  readonly connection: WebSocketConnection;
  readonly request: IncomingMessage;
  /** Set once the socket is authenticated; stays unset for an anonymous one. */
  authorization?: SocketAuthorization;
}

export type SocketContext = GraphqlWsContext<Record<string, unknown>, SocketState>;

/** Authenticates sockets by `connection_init`, renews their tokens by ping, and closes them when their session ends (security.md 8.11). */
export function createSocketAuthorizer(services: AppServices, connectionLimiter: ConnectionLimiter) {
  const byToken = new Map<string, Set<SocketContext>>();
  const revocations = services.revocations.subscribe(({ tokenId }) => byToken.has(tokenId), 'immediate');
  void closeRevoked();

  async function closeRevoked() {
    for (;;) {
      const events = await revocations.drain();
      if (events === 'overflow' || events.length === 0) return; // closed: its capacity is unlimited
      for (const { tokenId } of events) for (const socket of byToken.get(tokenId) ?? []) void closeAfterLastEvent(socket);
    }
  }

  const authenticated = ({ request }: SocketState, authorization: string | null) => {
    const work = { client: getClientInfo(request, services.config), events: createPendingEvents() };
    return authenticate(services, work, authorization).catch((error: Error) => error);
  };

  /** True if the socket is acknowledged. If not, graphql-ws closes it as forbidden, unless it was closed here. */
  async function admit(socket: SocketContext): Promise<boolean> {
    const { connection } = socket.extra;
    const interval = parseHeartbeatInterval(socket.connectionParams?.heartbeat);
    if (interval === undefined) {
      connection.close(closeCodes.invalidMessage);
      return false;
    }
    const authorization = authorizationOf(socket);
    const context = await authenticated(socket.extra, authorization);
    if (connection.destroyed) return false; // its `close` event is over, and would stop no timer
    if (context instanceof Error) {
      if (isUnavailable(context)) connection.close(closeCodes.tryAgainLater);
      return false;
    }
    sendHeartbeats(connection, interval);
    return context.viewer === null || track(socket, context, authorization);
  }

  function sendHeartbeats(connection: WebSocketConnection, interval: number) {
    const timer = setInterval(() => {
      const heartbeat = createHeartbeat(connection.subscriptions, services);
      if (heartbeat) connection.sendHeartbeat(heartbeat);
    }, interval);
    connection.once('close', () => clearInterval(timer));
  }

  /** Ties the socket to its session. Returns false if the session has ended, or if its user has too many connections. */
  async function track(socket: SocketContext, context: Context, authorization: string | null): Promise<boolean> {
    const { connection } = socket.extra;
    const { viewer } = context;
    if (!viewer) return false;
    const release = connectionLimiter.acquire('user', viewer.user.id);
    if (!release) {
      connection.close(closeCodes.tryAgainLater);
      return false;
    }
    const socketAuthorization = new SocketAuthorization(socket, context, authorization);
    socket.extra.authorization = socketAuthorization;
    const sockets = byToken.get(viewer.token.id) ?? new Set();
    byToken.set(viewer.token.id, sockets.add(socket));
    connection.once('close', () => {
      release();
      socketAuthorization.end();
      sockets.delete(socket);
      if (sockets.size === 0) byToken.delete(viewer.token.id);
    });
    // The session may have ended while it was loaded; from now on the feed reports it.
    return (await services.loadViewer.load(credentialOf(viewer)))?.rejection === null;
  }

  /** Answers a ping, which may carry a newer access token: `connection_init` cannot be repeated. */
  async function answerPing(socket: SocketState, payload?: Record<string, unknown>) {
    const { connection } = socket;
    const { authorization } = payload ?? {};
    if (authorization === undefined) return connection.send(JSON.stringify({ type: 'pong', payload }));
    if (typeof authorization !== 'string' || !socket.authorization) return connection.close(closeCodes.forbidden);
    const context = await authenticated(socket, authorization);
    if (context instanceof Error) return connection.close(isUnavailable(context) ? closeCodes.tryAgainLater : closeCodes.forbidden);
    if (!socket.authorization.renew(context, authorization)) return connection.close(closeCodes.forbidden);
    return connection.send(JSON.stringify({ type: 'pong', payload: { until: context.tokenExpiresAt } }));
  }

  return { admit, answerPing, stop: revocations.close };
}

/** By which token a socket is used, and until when. */
class SocketAuthorization {
  /** The newest access token of the session, as the value of an `authorization` header. */
  header: string | null;
  readonly #sessionId: string | undefined;
  readonly #onExpired: () => void;
  #stopTimer: () => void;

  constructor(socket: SocketContext, context: Context, header: string | null) {
    this.header = header;
    this.#sessionId = context.viewer?.token.id;
    this.#onExpired = () => {
      for (const subscription of socket.extra.connection.subscriptions) subscription.fail(graphqlError('TOKEN_EXPIRED'));
      void closeAfterLastEvent(socket);
    };
    this.#stopTimer = onTokenExpired(context, this.#onExpired);
  }

  /** Uses a newer access token from now on; false if it belongs to another session. */
  renew(context: Context, header: string): boolean {
    if (!context.viewer || context.viewer.token.id !== this.#sessionId) return false;
    this.header = header;
    this.#stopTimer();
    this.#stopTimer = onTokenExpired(context, this.#onExpired);
    return true;
  }

  end() {
    this.#stopTimer();
  }
}

/** Subscriptions end by themselves with the event that revokes their token; then the socket is closed. */
async function closeAfterLastEvent({ extra, subscriptions }: SocketContext) {
  const until = performance.now() + maxClosingTime;
  while (Object.keys(subscriptions).length > 0 && performance.now() < until) await sleep(10);
  extra.connection.close(closeCodes.sessionEnded);
}

/** The value of the `authorization` header: the newest one, or that of `connection_init`. A repeated one or no string is an invalid token. */
export function authorizationOf({ connectionParams = {}, extra }: SocketContext): string | null {
  if (extra.authorization) return extra.authorization.header;
  const [entry, ...repeated] = Object.entries(connectionParams).filter(([name]) => name.toLowerCase() === 'authorization');
  if (!entry) return null;
  const [, value] = entry;
  return repeated.length === 0 && typeof value === 'string' ? value : '';
}

const isUnavailable = (error: Error) => (codeOf(error) ?? 'UNAVAILABLE') === 'UNAVAILABLE';
