import { setTimeout as sleep } from 'node:timers/promises';
import type { Context as Conversation } from 'graphql-ws';
import type { Census } from '../connection-limiter.ts';
import type { Context, Ground } from '../../graphql/context.ts';
import { failure } from '../../errors.ts';
import { whenOver } from '../token-expiry.ts';
import { closings, type Link } from './websocket-connection.ts';

/** What is being said on one socket. */
export type Talk = Conversation<Record<string, unknown>, Link>;

/** By what a socket may be used, and until when. */
export interface Lease {
  /** The newest access token that was shown, as a header says it. */
  readonly authorization: string | null;
  /** Uses a newer access token of the same session from now on; false where it is not of that session. */
  renew(by: Context, authorization: string): boolean;
}

const lastEventWithin = 1_000; // milliseconds that the last event has to leave before its socket closes (security.md F20: 2 s)

/** Closes each socket with the token that it was opened with, and when its access token ends unless it is renewed (security.md 8.11). */
export function followSessions({ revocations, identify }: Ground, census: Census) {
  const byToken = new Map<string, Set<Talk>>();
  const stop = revocations.on(({ tokenId }) => {
    for (const talk of byToken.get(tokenId) ?? []) void endAfterLast(talk);
  });

  /** Lets the socket stay until its token ends; false where it may not, or its user has too many. */
  async function keep(talk: Talk, context: Context, authorization: string | null): Promise<boolean> {
    const { connection, close } = talk.extra;
    const { viewer } = context;
    if (!viewer || connection.destroyed) return false;
    const leave = census.enter('user', viewer.user.id);
    if (!leave) {
      close(closings.later);
      return false;
    }
    const forget = remember(byToken, viewer.token.id, talk);
    const lease = leaseOf(talk, context, authorization);
    talk.extra.lease = lease;
    connection.once('close', () => {
      leave();
      forget();
      lease.end();
    });
    // It may have ended while it was looked up; from now on that is heard.
    return (await identify.load({ sid: viewer.token.id }))?.refused === null;
  }

  return { keep, stop };
}

function leaseOf(talk: Talk, context: Context, authorization: string | null): Lease & { end(): void } {
  let newest = authorization;
  const expire = () => {
    for (const stream of talk.extra.connection.streams) stream.fail(failure('TOKEN_EXPIRED'));
    void endAfterLast(talk);
  };
  let stop = whenOver(context, expire);
  return {
    get authorization() {
      return newest;
    },
    renew(by, authorization) {
      if (!by.viewer || by.viewer.token.id !== context.viewer?.token.id) return false;
      newest = authorization;
      stop();
      stop = whenOver(by, expire);
      return true;
    },
    end: () => stop(),
  };
}

function remember(byToken: Map<string, Set<Talk>>, token: string, talk: Talk) {
  const talks = byToken.get(token) ?? new Set();
  byToken.set(token, talks.add(talk));
  return () => {
    talks.delete(talk);
    if (talks.size === 0) byToken.delete(token);
  };
}

/** The streams of a token that ended finish by themselves with its last event; then its socket closes. */
async function endAfterLast({ extra, subscriptions }: Talk) {
  const until = performance.now() + lastEventWithin;
  while (Object.keys(subscriptions).length > 0 && performance.now() < until) await sleep(10);
  extra.close(closings.ended);
}
