import type { Position } from '../../identity/tokens/revocation-log.ts';

/** The connection on which a client waits for a result: an HTTP response or a WebSocket. */
export interface Connection {
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  readonly destroyed: boolean;
}

/** An open subscription. */
export interface ActiveSubscription {
  /** The position delivered so far; undefined until the start is known. */
  position(): DeliveredPosition | undefined;
  /** Ends it with this error, dropping events that were not delivered yet. */
  fail(error: Error): void;
}

/** The position in the log up to which every matching event was delivered, and how many milliseconds ago that was the end of the log. */
export interface DeliveredPosition {
  readonly at: Position;
  readonly age: number;
}
