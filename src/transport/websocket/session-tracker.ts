import { setTimeout as sleep } from 'node:timers/promises';
import type { Context as Conversation } from 'graphql-ws';
import { graphqlError } from '../../errors.ts';
import type { AppServices, Context } from '../../graphql/context.ts';
import type { ConnectionLimiter } from '../connection-limiter.ts';
import { onTokenExpired } from '../token-expiry.ts';
import { closeCodes, type WebSocketConnection } from './websocket-connection.ts';

/** What is being said on one socket. */
export type SocketContext = Conversation<Record<string, unknown>, WebSocketConnection>;

/** By what a socket may be used, and until when. */
export interface SocketAuthorization {
  /** The newest access token that was shown, as a header says it. */
  readonly authorization: string | null;
  /** Uses a newer access token of the same session from now on; false where it is not of that session. */
  renew(by: Context, authorization: string): boolean;
}

const lastEventWithin = 1_000; // milliseconds that the last event has to leave before its socket closes (security.md F20: 2 s)

/** Closes each socket with the token that it was opened with, and when its access token ends unless it is renewed (security.md 8.11). */
export function trackSessions({ revocations, loadViewer }: AppServices, connectionLimiter: ConnectionLimiter) {
  const byToken = new Map<string, Set<SocketContext>>();
  const stop = revocations.on(({ tokenId }) => {
    for (const talk of byToken.get(tokenId) ?? []) void endAfterLast(talk);
  });

  /** Lets the socket stay until its token ends; false where it may not, or its user has too many. */
  async function keep(talk: SocketContext, context: Context, authorization: string | null): Promise<boolean> {
    const { connection, close } = talk.extra;
    const { viewer } = context;
    if (!viewer || connection.destroyed) return false;
    const leave = connectionLimiter.enter('user', viewer.user.id);
    if (!leave) {
      close(closeCodes.later);
      return false;
    }
    const forget = remember(byToken, viewer.token.id, talk);
    const lease = leaseOf(talk, context, authorization);
    talk.extra.authorization = lease;
    connection.once('close', () => {
      leave();
      forget();
      lease.end();
    });
    // It may have ended while it was looked up; from now on that is heard.
    return (await loadViewer.load({ sid: viewer.token.id }))?.rejection === null;
  }

  return { keep, stop };
}

function leaseOf(talk: SocketContext, context: Context, authorization: string | null): SocketAuthorization & { end(): void } {
  let newest = authorization;
  const expire = () => {
    for (const stream of talk.extra.connection.subscriptions) stream.fail(graphqlError('TOKEN_EXPIRED'));
    void endAfterLast(talk);
  };
  let stop = onTokenExpired(context, expire);
  return {
    get authorization() {
      return newest;
    },
    renew(by, authorization) {
      if (!by.viewer || by.viewer.token.id !== context.viewer?.token.id) return false;
      newest = authorization;
      stop();
      stop = onTokenExpired(by, expire);
      return true;
    },
    end: () => stop(),
  };
}

function remember(byToken: Map<string, Set<SocketContext>>, token: string, talk: SocketContext) {
  const talks = byToken.get(token) ?? new Set();
  byToken.set(token, talks.add(talk));
  return () => {
    talks.delete(talk);
    if (talks.size === 0) byToken.delete(token);
  };
}

/** The streams of a token that ended finish by themselves with its last event; then its socket closes. */
async function endAfterLast({ extra, subscriptions }: SocketContext) {
  const until = performance.now() + lastEventWithin;
  while (Object.keys(subscriptions).length > 0 && performance.now() < until) await sleep(10);
  extra.close(closeCodes.ended);
}
