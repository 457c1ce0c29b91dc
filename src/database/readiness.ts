import { maxClockOffset, measureClockOffset } from './clock-offset.ts';
import type { Database } from './database.ts';

const maxTime = 1_000; // milliseconds: a probe responds also while the database does not

/** The conditions for a node to be ready: its database, and a clock that agrees with that of the database. */
export interface Readiness {
  readonly isReady: boolean;
  readonly checks: { readonly database: 'ok' | 'not ok'; readonly clock: 'ok' | 'not ok' | 'unknown' };
  /** Milliseconds by which the clock of the node is ahead of that of the database. Undefined if the database does not respond. */
  readonly clockOffset: number | undefined;
}

/** Checks whether this node is ready, for the probes and for the metric. */
export async function checkReadiness(db: Pick<Database, 'query'>): Promise<Readiness> {
  const timeout = new Promise<undefined>((resolve) => setTimeout(resolve, maxTime, undefined).unref());
  const clockOffset = await Promise.race([measureClockOffset(db), timeout]).catch(() => undefined);
  if (clockOffset === undefined) return { isReady: false, checks: { database: 'not ok', clock: 'unknown' }, clockOffset };
  const isReady = Math.abs(clockOffset) <= maxClockOffset;
  return { isReady, checks: { database: 'ok', clock: isReady ? 'ok' : 'not ok' }, clockOffset };
}
