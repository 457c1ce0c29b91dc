import { decodeJwt, type JWTPayload } from 'jose';
import type { TestServer } from '../test-server.ts';
import { apiToken, post } from './endpoint-client.ts';

/** The body of a poll. */
export interface PollRequest {
  readonly maxEvents?: number;
  readonly returnImmediately?: boolean;
  readonly ack?: readonly string[];
  readonly setErrs?: Record<string, { err: string; description?: string }>;
}

type Event = JWTPayload & { events: Record<string, Record<string, unknown>>; sub_id: Record<string, unknown> };

/** A receiver that has polled once, so that it gets events from now on. */
export async function createReceiver(server: TestServer) {
  const made = await apiToken(server, ['tokens:follow']);
  const poll = async (polling: PollRequest = { returnImmediately: true }, at: Pick<TestServer, 'url'> = server) => {
    const { status, json, headers } = await sendPoll({ ...server, url: at.url }, made.secret, JSON.stringify(polling));
    const sets = (json?.sets ?? {}) as Record<string, string>;
    return {
      status,
      json,
      headers,
      sets,
      ids: Object.keys(sets),
      more: json?.moreAvailable as boolean,
      events: Object.values(sets).map((set) => decodeJwt<Event>(set)),
    };
  };
  await poll();
  return { ...made, poll, now: (polling: PollRequest = {}) => poll({ returnImmediately: true, ...polling }) };
}

export const sendPoll = (server: TestServer, token: string | undefined, body: string) =>
  post(server, '/events/poll', body, { token, headers: { 'content-type': 'application/json' } });

/** Inserts revocations, each in its own commit, and returns their ids. */
export async function recordRevocations(
  { db, user }: TestServer,
  count: number,
  fields: { reason?: 'LOGOUT' | 'REAUTHENTICATED' | 'ACCESS_LOST'; kind?: 'SESSION' | 'API' } = {},
) {
  const { uuid: userId } = await user();
  const ids: string[] = [];
  for (let made = 0; made < count; made += 1) {
    const data = { tokenId: crypto.randomUUID(), userId, kind: 'SESSION', reason: 'LOGOUT', initiator: 'USER', ...fields } as const;
    ids.push((await db.prisma.tokenRevocation.create({ data })).id);
  }
  return ids;
}
