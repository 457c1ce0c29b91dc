import type { Position } from '../../identity/tokens/revocation-log.ts';

/** The line on which a caller waits for an answer. */
export interface Connection {
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  readonly destroyed: boolean;
  /** The subscriptions that are open on it. */
  readonly subscriptions: Set<ActiveSubscription>;
}

/** A context that knows its caller's line; that of an event has none. */
export interface HasConnection {
  readonly connection?: Connection;
}

/** A subscription on a line. */
export interface ActiveSubscription {
  /** How far it has come; undefined while that is not known yet. */
  position(): Reached | undefined;
  /** Ends it with this error, whatever still waits. */
  fail(error: Error): void;
}

/** The place in the log up to which all has been sent that is asked for, and how many milliseconds ago that was all there was. */
interface Reached {
  readonly at: Position;
  readonly age: number;
}
