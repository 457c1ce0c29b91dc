import { authenticate } from '../../graphql/authenticate.ts';
import { beatEvery, beatOf } from '../heartbeat.ts';
import { clientOf } from '../http/client-info.ts';
import type { Ground } from '../../graphql/context.ts';
import { codeOf } from '../../errors.ts';
import { type Closing, closings, type Link } from './websocket-connection.ts';
import type { followSessions, Talk } from './session-tracker.ts';

/** How sockets are opened, by the credential that came with `connection_init`, and renewed, by a newer one that comes with a ping. */
export function admission(ground: Ground, sessions: ReturnType<typeof followSessions>) {
  const identified = ({ request }: Link, authorization: string | null) =>
    authenticate(ground, clientOf(request, ground.config), authorization).catch((error: Error) => error);

  /** Whether the socket is acknowledged; where not, it closes. */
  async function admit(talk: Talk): Promise<boolean> {
    const every = beatEvery(talk.connectionParams?.heartbeat);
    if (every === undefined) return refused(talk.extra, closings.invalid);
    const authorization = authorizationOf(talk);
    const context = await identified(talk.extra, authorization);
    if (talk.extra.connection.destroyed) return false; // its close was told before anybody listened for it
    if (!(context instanceof Error)) {
      beating(talk.extra, every);
      return context.viewer === null || sessions.keep(talk, context, authorization);
    }
    const code = codeOf(context);
    return !code || code === 'UNAVAILABLE' ? refused(talk.extra, closings.later) : false;
  }

  function beating(link: Link, every: number) {
    const clock = setInterval(() => {
      const beat = beatOf(link.connection.streams, ground);
      if (beat) link.beat(beat);
    }, every);
    link.connection.once('close', () => clearInterval(clock));
  }

  /** Answers a ping, and takes the newer access token that one may carry: `connection_init` cannot be said again. */
  async function answerPing(link: Link, payload?: Record<string, unknown>) {
    const { authorization } = payload ?? {};
    if (authorization === undefined) return link.send(JSON.stringify({ type: 'pong', payload }));
    if (typeof authorization !== 'string' || !link.lease) return link.close(closings.forbidden);
    const context = await identified(link, authorization);
    if (context instanceof Error)
      return link.close((codeOf(context) ?? 'UNAVAILABLE') === 'UNAVAILABLE' ? closings.later : closings.forbidden);
    if (!link.lease.renew(context, authorization)) return link.close(closings.forbidden);
    return link.send(JSON.stringify({ type: 'pong', payload: { until: context.until } }));
  }

  return { admit, answerPing };
}

/** What stands for the header in `connection_init`. Whatever is no text, or is said twice, is no token and refused as one. */
export function authorizationOf({ connectionParams: params = {} }: Talk): string | null {
  const said = Object.entries(params).filter(([name]) => name.toLowerCase() === 'authorization');
  const [only] = said;
  if (!only) return null;
  return said.length === 1 && typeof only[1] === 'string' ? only[1] : '';
}

function refused(link: Link, closing: Closing): false {
  link.close(closing);
  return false;
}
