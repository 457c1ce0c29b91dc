import { codeOf } from '../../errors.ts';
import { authenticate } from '../../graphql/authenticate.ts';
import type { AppServices } from '../../graphql/context.ts';
import { createPendingEvents } from '../../identity/unit-of-work.ts';
import { createHeartbeat, parseHeartbeatInterval } from '../heartbeat.ts';
import { getClientInfo } from '../http/client-info.ts';
import type { SocketContext, trackSessions } from './session-tracker.ts';
import { type CloseCode, closeCodes, type WebSocketConnection } from './websocket-connection.ts';

/** How sockets are opened, by the credential that came with `connection_init`, and renewed, by a newer one that comes with a ping. */
export function createConnectionAuth(services: AppServices, sessions: ReturnType<typeof trackSessions>) {
  const identified = ({ request }: WebSocketConnection, authorization: string | null) =>
    authenticate(services, { client: getClientInfo(request, services.config), events: createPendingEvents() }, authorization).catch(
      (error: Error) => error,
    );

  /** Whether the socket is acknowledged; where not, it closes. */
  async function admit(talk: SocketContext): Promise<boolean> {
    const every = parseHeartbeatInterval(talk.connectionParams?.heartbeat);
    if (every === undefined) return refused(talk.extra, closeCodes.invalid);
    const authorization = authorizationOf(talk);
    const context = await identified(talk.extra, authorization);
    if (talk.extra.connection.destroyed) return false; // its close was told before anybody listened for it
    if (!(context instanceof Error)) {
      beating(talk.extra, every);
      return context.viewer === null || sessions.keep(talk, context, authorization);
    }
    const code = codeOf(context);
    return !code || code === 'UNAVAILABLE' ? refused(talk.extra, closeCodes.later) : false;
  }

  function beating(link: WebSocketConnection, every: number) {
    const clock = setInterval(() => {
      const beat = createHeartbeat(link.connection.subscriptions, services);
      if (beat) link.heartbeat(beat);
    }, every);
    link.connection.once('close', () => clearInterval(clock));
  }

  /** Answers a ping, and takes the newer access token that one may carry: `connection_init` cannot be said again. */
  async function answerPing(link: WebSocketConnection, payload?: Record<string, unknown>) {
    const { authorization } = payload ?? {};
    if (authorization === undefined) return link.send(JSON.stringify({ type: 'pong', payload }));
    if (typeof authorization !== 'string' || !link.authorization) return link.close(closeCodes.forbidden);
    const context = await identified(link, authorization);
    if (context instanceof Error)
      return link.close((codeOf(context) ?? 'UNAVAILABLE') === 'UNAVAILABLE' ? closeCodes.later : closeCodes.forbidden);
    if (!link.authorization.renew(context, authorization)) return link.close(closeCodes.forbidden);
    return link.send(JSON.stringify({ type: 'pong', payload: { until: context.tokenExpiresAt } }));
  }

  return { admit, answerPing };
}

/** What stands for the header in `connection_init`. Whatever is no text, or is said twice, is no token and refused as one. */
export function authorizationOf({ connectionParams: params = {} }: SocketContext): string | null {
  const said = Object.entries(params).filter(([name]) => name.toLowerCase() === 'authorization');
  const [only] = said;
  if (!only) return null;
  return said.length === 1 && typeof only[1] === 'string' ? only[1] : '';
}

function refused(link: WebSocketConnection, closing: CloseCode): false {
  link.close(closing);
  return false;
}
