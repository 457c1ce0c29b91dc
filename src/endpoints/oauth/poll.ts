import { z } from 'zod';
import { all } from '../../authorization/rules/rule.ts';
import { requestError } from '../../errors.ts';
import { credentialOf } from '../../identity/viewer.ts';
import type { BoundedQueue } from '../../lib/bounded-queue.ts';
import { parseJson } from '../../lib/parse-json.ts';
import { apiToken } from '../../policy/conditions.ts';
import { evaluateInMemory } from '../../policy/policy.ts';
import { followsAll } from '../../schema/token/token-revocation.ts';
import { type Endpoint, type EndpointRequest, sendJson } from '../../transport/http/endpoint.ts';
import { type AuthenticatedContext, type BodyOptions, bearerPost } from './bearer-endpoint.ts';
import { advanceCursor, type PendingEvents, pendingEvents } from './event-receiver.ts';
import { sendOAuthError } from './oauth-error.ts';
import { signEventToken, signLossToken } from './security-event-token.ts';

const access = all(apiToken, followsAll);
const maxEvents = 500; // in one response; an event is some 700 bytes
const maxWait = 25_000; // milliseconds: stopping takes no longer (security.md F34), and proxies close a silent connection after 30 s
const jsonBody: BodyOptions = { contentType: /^application\/json(?: *; *charset=utf-8)?$/i, maxBytes: 100 * 1024 };

const eventId = z.string().max(128);
const pollRequest = z.object({
  maxEvents: z.number().int().min(0).default(100),
  returnImmediately: z.boolean().default(false),
  ack: z.array(eventId).max(1_000).default([]),
  setErrs: z.record(eventId, z.object({ err: z.string().max(128), description: z.string().max(2_000).optional() })).default({}),
});

/** `POST /events/poll` (RFC 8936): token revocations as signed events, repeated until they are acknowledged. The receiver is the API token. */
export const poll: Endpoint = { ...bearerPost(access, jsonBody, respond), workload: 'subscription' };

async function respond(context: AuthenticatedContext, exchange: EndpointRequest, body: string) {
  const { data: request } = pollRequest.safeParse(parseJson(body));
  if (!request) return sendOAuthError(exchange.response, 400, 'invalid_request', 'Send a poll request by RFC 8936.');
  const { token } = context.viewer;
  const failures = Object.entries(request.setErrs);
  const [failure] = failures;
  if (failure) {
    const [jti, { err }] = failure;
    context.log.warn({ event: 'set_not_accepted', receiver: token.id, jti, err, count: failures.length }, 'event rejected by its receiver');
  }
  // An event that was rejected would be rejected again: it counts as acknowledged.
  const acknowledged = [...request.ack, ...failures.map(([jti]) => jti)];
  if (acknowledged.length > 0) await advanceCursor(context, token.id, acknowledged);
  const limit = Math.min(request.maxEvents, maxEvents);
  const pending = await pendingFor(context, exchange, limit, request.returnImmediately);
  sendJson(exchange.response, 200, await pollResponse(context, pending, limit));
}

async function pendingFor(context: AuthenticatedContext, exchange: EndpointRequest, limit: number, returnImmediately: boolean) {
  if (limit === 0) return { events: [] };
  return returnImmediately ? pendingEvents(context, context.viewer.token.id) : waitForEvents(context, exchange);
}

async function pollResponse(context: AuthenticatedContext, pending: PendingEvents, limit: number) {
  if ('lossId' in pending) {
    const { lossId } = pending;
    return { sets: { [lossId]: await signLossToken(context, lossId, context.viewer) }, moreAvailable: true };
  }
  const events = pending.events.slice(0, limit);
  const sets = await Promise.all(events.map(async (event) => [event.id, await signEventToken(context, event)]));
  return { sets: Object.fromEntries(sets), moreAvailable: pending.events.length > events.length };
}

/** Long polling: resolves once an event is pending, after the maximal wait, when the server stops, or when the client disconnects. */
async function waitForEvents(context: AuthenticatedContext, { response, connectionLimiter }: EndpointRequest): Promise<PendingEvents> {
  const { token, user } = context.viewer;
  const release = connectionLimiter.acquire('user', user.id);
  if (!release) throw requestError('RATE_LIMITED'); // a waiting poll is a connection like any other (security.md F28)
  const queue: BoundedQueue<unknown> = context.revocations.subscribe(() => queue.size === 0); // one event is enough to wake up
  const timer = setTimeout(queue.close, maxWait);
  response.once('close', queue.close);
  try {
    for (;;) {
      const pending = await pendingEvents(context, token.id);
      if ('lossId' in pending || pending.events.length > 0) return pending;
      const events = await queue.drain().catch(() => []); // fails if the log was restored: the next poll reports the loss
      if (events.length === 0) return pending;
      await requireAccess(context);
    }
  } finally {
    clearTimeout(timer);
    queue.close();
    release();
  }
}

/** Throws if the receiver has lost access: its token may be the revoked one (security.md R-C). */
async function requireAccess(context: AuthenticatedContext) {
  const result = await context.loadViewer.load(credentialOf(context.viewer));
  if (!result || result.rejection) throw requestError(result?.rejection ?? 'INVALID_TOKEN');
  if (evaluateInMemory(access, result.viewer) !== true) throw requestError('FORBIDDEN');
}
