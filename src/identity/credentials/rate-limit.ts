import type { GraphQLError } from 'graphql';
import { type Database, sql } from '../../database/database.ts';
import { codeOf, type ErrorCode, requestError } from '../../errors.ts';
import type { RequestScope } from '../request-scope.ts';
import { type Counted, countAttempt, takeBack } from './count-attempt.ts';
import { type LimitEntry, type LimitName, limits, type RateLimitKeys } from './rate-limit-keys.ts';

export interface Caller extends Pick<RequestScope, 'reports' | 'client'> {
  readonly db: Pick<Database, 'query'>;
}

/**
 * Counts an attempt before its secret is checked. Atomic: one statement in the database, so that a burst over any number of aliases, batches and
 * nodes passes at most `points` times. Throws RATE_LIMITED with the seconds to wait. Each limit only counts what the limits before it passed, so
 * that an attacker who is stopped by a narrow limit does not use up the owner's wide one (security.md 4.5). What those have counted stays: a
 * rejected guess is not free.
 */
export async function consume(caller: Caller, keys: RateLimitKeys): Promise<readonly Counted[]> {
  const { counted, exceeded } = await countAttempt(caller.db, keys);
  if (exceeded) throw await rateLimited(caller, exceeded);
  return counted;
}

/** Counts an email. Returns false, and counts it towards no limit, if one is exceeded, for emails that are skipped silently. */
export async function tryConsumeEmail(caller: Caller, keys: RateLimitKeys): Promise<boolean> {
  const { counted, exceeded } = await countAttempt(caller.db, keys);
  if (exceeded) await takeBack(caller.db, counted);
  return !exceeded;
}

/** A guess that may be verified. */
export interface CountedGuess {
  /** The limits that counted it. */
  readonly counted: readonly Counted[];
  /** The error of a limit with growing waits, if that is exceeded. */
  readonly limited: GraphQLError | undefined;
}

/** Counts a guess like `consume`, except that a limit with growing waits may still allow it (`toGuess`). */
export async function consumeGuess(caller: Caller, keys: RateLimitKeys): Promise<CountedGuess> {
  const { counted, exceeded } = await countAttempt(caller.db, keys);
  return toGuess(caller, counted, exceeded);
}

/**
 * Throws the error of the exceeded limit. Returns it instead if that is a limit with growing waits: what is correct is still accepted then from a network
 * that the account knows, so that guesses from elsewhere do not keep its owner out (docs/decisions/0035, 0046).
 */
export async function toGuess(caller: Caller, counted: readonly Counted[], exceeded: LimitEntry | undefined): Promise<CountedGuess> {
  if (!exceeded) return { counted, limited: undefined };
  const limited = await rateLimited(caller, exceeded);
  if (!('waits' in limits[exceeded.name])) throw limited;
  return { counted, limited };
}

/**
 * Does the work that an attempt was counted for. Takes the attempt back if the work fails to decide whether it is right, because too many hashes are
 * waiting or the database fails: an overloaded server must not lock its users out.
 */
export async function whileCounted<T>(caller: Caller, counted: readonly Counted[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (undecided.has(codeOf(error))) await takeBack(caller.db, counted).catch(() => {}); // the database may be what has failed
    throw error;
  }
}

/** Counts an attempt like `consume`, then does its work like `whileCounted`. */
export async function withinLimits<T>(caller: Caller, keys: RateLimitKeys, work: () => Promise<T>): Promise<T> {
  const counted = await consume(caller, keys);
  return whileCounted(caller, counted, work);
}

/**
 * Counts an email, then does the work that queues it. An attempt that queues none, because a limit rejects it, the work fails or it calls
 * `queuesNone`, is taken back: a caller who has to wait for others must not use up their own share meanwhile (docs/decisions/0046).
 */
export async function withinEmailLimits<T>(caller: Caller, keys: RateLimitKeys, work: (queuesNone: () => void) => Promise<T>): Promise<T> {
  const { counted, exceeded } = await countAttempt(caller.db, keys);
  let isQueued = false;
  try {
    if (exceeded) throw await rateLimited(caller, exceeded);
    isQueued = true;
    return await work(() => {
      isQueued = false;
    });
  } catch (error) {
    isQueued = false;
    throw error;
  } finally {
    if (!isQueued) await takeBack(caller.db, counted).catch(() => {}); // the database may be what has failed
  }
}

const undecided: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode | undefined>(['UNAVAILABLE', 'INTERNAL', undefined]);

async function rateLimited(caller: Caller, { name, key }: LimitEntry) {
  const [row] = await caller.db.query<{ seconds: number }>(sql`
    select ceil(extract(epoch from coalesce("blockedUntil", "expiresAt") - now()))::int as seconds from "RateLimit" where key = ${key}`);
  return rateLimitError(caller, name, row?.seconds ?? 1);
}

/** Reports that an attempt exceeds a limit. Returns the error to throw, with the seconds to wait. */
export function rateLimitError({ reports, client }: Pick<Caller, 'reports' | 'client'>, name: LimitName, seconds: number): GraphQLError {
  reports.rateLimited(client, name);
  return requestError('RATE_LIMITED', { 'retry-after': String(Math.max(1, seconds)) });
}
