import { z } from 'zod';
import { all } from '../../authorization/rules/rule.ts';
import { requestError } from '../../errors.ts';
import type { Revocation } from '../../identity/tokens/revocation-log.ts';
import { createBoundedQueue } from '../../lib/bounded-queue.ts';
import { parseJson } from '../../lib/parse-json.ts';
import { apiToken } from '../../policy/conditions.ts';
import { evaluateInMemory } from '../../policy/evaluators.ts';
import { followsAll } from '../../schema/token/token-revocation.ts';
import { type EndpointRequest, sendJson } from '../../transport/http/endpoint.ts';
import { type AuthenticatedContext, type BodyOptions, bearerPost } from './bearer-endpoint.ts';
import { advanceCursor, type PendingEvents, pendingEvents } from './event-receiver.ts';
import { sendOAuthError } from './oauth-error.ts';
import { signEventToken, signLossToken } from './security-event-token.ts';

const access = all(apiToken, followsAll);
const most = 500; // events in one answer; one is some 700 bytes
const longest = 25_000; // milliseconds that a poll may wait: a stop takes no longer (security.md F34), and what stands between closes a line after 30 s
const bodies: BodyOptions = { types: /^application\/json(?: *; *charset=utf-8)?$/i, maxBytes: 100 * 1024 };

const id = z.string().max(128);
const polling = z.object({
  maxEvents: z.number().int().min(0).default(100),
  returnImmediately: z.boolean().default(false),
  ack: z.array(id).max(1_000).default([]),
  setErrs: z.record(id, z.object({ err: z.string().max(128), description: z.string().max(2_000).optional() })).default({}),
});

/** `POST /events/poll` (RFC 8936): the ends of tokens as signed events, again until they are acknowledged. The receiver is the API token. */
export const poll = bearerPost(access, bodies, async (asking, exchange, text) => {
  const { data: wanted } = polling.safeParse(parseJson(text));
  if (!wanted) return sendOAuthError(exchange.response, 400, 'invalid_request', 'A poll of RFC 8936.');
  const { token } = asking.viewer;
  const refused = Object.keys(wanted.setErrs);
  for (const [jti, { err }] of Object.entries(wanted.setErrs).slice(0, 1))
    asking.log.warn(
      { event: 'set_not_accepted', receiver: token.id, jti, err, count: refused.length },
      'a receiver does not accept an event',
    );
  // What is not accepted would not be accepted the next time either: it counts as received.
  const done = [...wanted.ack, ...refused];
  if (done.length > 0) await advanceCursor(asking.db, token.id, done);
  const limit = Math.min(wanted.maxEvents, most);
  const waiting =
    limit === 0 ? { events: [] } : await (wanted.returnImmediately ? pendingEvents(asking.db, token.id) : waited(asking, exchange));
  sendJson(exchange.response, 200, await setsOf(asking, waiting, limit));
});

async function setsOf(asking: AuthenticatedContext, waiting: PendingEvents, limit: number) {
  if ('lost' in waiting)
    return { sets: { [waiting.lost]: await signLossToken(asking, waiting.lost, asking.viewer.token.id) }, moreAvailable: true };
  const sent = waiting.events.slice(0, limit);
  const sets = await Promise.all(sent.map(async (event) => [event.id, await signEventToken(asking, event)]));
  return { sets: Object.fromEntries(sets), moreAvailable: waiting.events.length > sent.length };
}

/** What waits for the receiver, as soon as there is something; nothing after a while, when the server stops, or when nobody waits any more. */
async function waited(asking: AuthenticatedContext, { response, connectionLimiter }: EndpointRequest): Promise<PendingEvents> {
  const { id: tokenId } = asking.viewer.token;
  const leave = connectionLimiter.enter('user', asking.viewer.user.id);
  if (!leave) throw requestError('RATE_LIMITED'); // a poll that waits is a stream like any other (security.md F28)
  const inbox = createBoundedQueue<Revocation>();
  const stop = asking.revocations.follow(inbox, () => inbox.size === 0); // one is enough to wake; a thousand at once would not fit
  const clock = setTimeout(inbox.close, longest);
  response.once('close', inbox.close);
  try {
    for (;;) {
      const waiting = await pendingEvents(asking.db, tokenId);
      if ('lost' in waiting || waiting.events.length > 0) return waiting;
      if ((await inbox.drain()).length === 0) return waiting;
      await requireStill(asking);
    }
  } finally {
    clearTimeout(clock);
    stop();
    leave();
  }
}

/** Throws unless the receiver may still ask: what it waited for may be its own end (security.md R-C). */
async function requireStill(asking: AuthenticatedContext) {
  const now = await asking.loadViewer.load({ sid: asking.viewer.token.id });
  if (!now || now.rejection) throw requestError(now?.rejection ?? 'INVALID_TOKEN');
  if (evaluateInMemory(access, now.viewer) !== true) throw requestError('FORBIDDEN');
}
