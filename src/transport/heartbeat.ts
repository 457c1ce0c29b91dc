import type { AppServices } from '../graphql/context.ts';
import type { ActiveSubscription } from '../graphql/execution/connection.ts';
import { formatCursor, isBefore, type Position } from '../identity/tokens/revocation-log.ts';

/** What a line says while nothing happens (docs/revocations.md). */
export interface Heartbeat {
  /** All that its subscriptions ask for has been sent up to here. */
  readonly cursor: string;
  /** Milliseconds since that was all there was. */
  readonly age: number;
  /** The name of the present set of public keys. */
  readonly keys: string;
}

/** The beat of a line with these subscriptions; undefined where there is none, or one of them does not know how far it is. */
export function createHeartbeat(streams: Iterable<ActiveSubscription>, { keys }: Pick<AppServices, 'keys'>): Heartbeat | undefined {
  let least: Position | undefined;
  let oldest = 0;
  for (const stream of streams) {
    const reached = stream.position();
    if (!reached) return undefined;
    oldest = Math.max(oldest, reached.age);
    if (!least || isBefore(reached.at, least)) least = reached.at;
  }
  return least && { cursor: formatCursor(least), age: Math.ceil(oldest), keys: keys.version };
}

const between = { least: 500, most: 30_000 }; // milliseconds

/** How often a caller wants to hear a beat, in milliseconds; undefined for what is no such wish. */
export function parseHeartbeatInterval(asked: unknown): number | undefined {
  if (asked === undefined || asked === null) return 15_000; // what stands between closes a line on which nothing is heard for a minute or so
  return Number.isInteger(asked) && Number(asked) >= between.least && Number(asked) <= between.most ? Number(asked) : undefined;
}
