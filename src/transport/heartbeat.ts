import type { Stream } from '../graphql/execution/connection.ts';
import type { Ground } from '../graphql/context.ts';
import { cursorOf, isBefore, type Position } from '../identity/tokens/revocation-log.ts';

/** What a line says while nothing happens (docs/revocations.md). */
export interface Beat {
  /** All that its subscriptions ask for has been sent up to here. */
  readonly cursor: string;
  /** Milliseconds since that was all there was. */
  readonly age: number;
  /** The name of the present set of public keys. */
  readonly keys: string;
}

/** The beat of a line with these subscriptions; undefined where there is none, or one of them does not know how far it is. */
export function beatOf(streams: Iterable<Stream>, { keys }: Pick<Ground, 'keys'>): Beat | undefined {
  let least: Position | undefined;
  let oldest = 0;
  for (const stream of streams) {
    const reached = stream.reached();
    if (!reached) return undefined;
    oldest = Math.max(oldest, reached.age);
    if (!least || isBefore(reached.at, least)) least = reached.at;
  }
  return least && { cursor: cursorOf(least), age: Math.ceil(oldest), keys: keys.version };
}

const between = { least: 500, most: 30_000 }; // milliseconds

/** How often a caller wants to hear a beat, in milliseconds; undefined for what is no such wish. */
export function beatEvery(asked: unknown): number | undefined {
  if (asked === undefined || asked === null) return 15_000; // what stands between closes a line on which nothing is heard for a minute or so
  return Number.isInteger(asked) && Number(asked) >= between.least && Number(asked) <= between.most ? Number(asked) : undefined;
}
