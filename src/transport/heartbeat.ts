import type { AppServices } from '../graphql/context.ts';
import type { ActiveSubscription } from '../graphql/execution/connection.ts';
import { formatUnlinkableCursor } from '../identity/tokens/revocation-cursor.ts';
import { isBefore, type Position } from '../identity/tokens/revocation-log.ts';

/** What a connection with subscriptions sends at regular intervals (docs/revocations.md). */
export interface Heartbeat {
  /** All matching events up to here have been delivered. */
  readonly cursor: string;
  /** How many milliseconds ago this was the end of the log. */
  readonly age: number;
  /** The version of the set of public keys. */
  readonly keys: string;
}

/** The heartbeat of a connection with these subscriptions; undefined if there is none, or one of them has not determined its start yet. */
export function createHeartbeat(subscriptions: Iterable<ActiveSubscription>, { keys }: Pick<AppServices, 'keys'>): Heartbeat | undefined {
  let earliest: Position | undefined;
  let maxAge = 0;
  for (const subscription of subscriptions) {
    const position = subscription.position();
    if (!position) return undefined;
    maxAge = Math.max(maxAge, position.age);
    if (!earliest || isBefore(position.at, earliest)) earliest = position.at;
  }
  return earliest && { cursor: formatUnlinkableCursor(keys, earliest), age: Math.ceil(maxAge), keys: keys.version };
}

const defaultInterval = 15_000; // milliseconds; proxies close connections that are silent for about a minute
const minInterval = 500;
const maxInterval = 30_000;

/** The interval in milliseconds that a client requests; undefined if it is invalid. */
export function parseHeartbeatInterval(value: unknown): number | undefined {
  if (value === undefined || value === null) return defaultInterval;
  return Number.isInteger(value) && Number(value) >= minInterval && Number(value) <= maxInterval ? Number(value) : undefined;
}
