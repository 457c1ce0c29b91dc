import { setTimeout as sleep } from 'node:timers/promises';
import type { Context as Conversation } from 'graphql-ws';
import type { Census } from './census.ts';
import type { Context, Ground } from './context.ts';
import { longestTimer } from './deadline.ts';
import { closings, type Link } from './link.ts';

/** What is being said on one socket. */
export type Talk = Conversation<Record<string, unknown>, Link>;

const lastEventWithin = 1_000; // milliseconds that the last event has to leave before its socket closes (security.md F20: 2 s)

/** Closes each socket with the token that it was opened with. */
export function followSessions({ revocations, identify }: Ground, census: Census) {
  const byToken = new Map<string, Set<Talk>>();
  const stop = revocations.on(({ tokenId }) => {
    for (const talk of byToken.get(tokenId) ?? []) void endAfterLast(talk);
  });

  /** Lets the socket stay until its token ends; false where it may not, or its user has too many. */
  async function keep(talk: Talk, { viewer, until }: Context): Promise<boolean> {
    const { connection, close } = talk.extra;
    if (!viewer || connection.destroyed) return false;
    const leave = census.enter('user', viewer.user.id);
    if (!leave) {
      close(closings.later);
      return false;
    }
    const forget = remember(byToken, viewer.token.id, talk);
    const expiry = at(until, () => void endAfterLast(talk));
    connection.once('close', () => {
      leave();
      forget();
      clearTimeout(expiry);
    });
    // It may have ended while it was looked up; from now on that is heard.
    return (await identify.load({ sid: viewer.token.id }))?.refused === null;
  }

  return { keep, stop };
}

function remember(byToken: Map<string, Set<Talk>>, token: string, talk: Talk) {
  const talks = byToken.get(token) ?? new Set();
  byToken.set(token, talks.add(talk));
  return () => {
    talks.delete(talk);
    if (talks.size === 0) byToken.delete(token);
  };
}

function at(time: Date | null, act: () => void) {
  const left = time ? time.getTime() - Date.now() : Number.POSITIVE_INFINITY;
  return left <= longestTimer ? setTimeout(act, left) : undefined;
}

/** The streams of a token that ended finish by themselves with its last event; then its socket closes. */
async function endAfterLast({ extra, subscriptions }: Talk) {
  const until = performance.now() + lastEventWithin;
  while (Object.keys(subscriptions).length > 0 && performance.now() < until) await sleep(10);
  extra.close(closings.ended);
}
