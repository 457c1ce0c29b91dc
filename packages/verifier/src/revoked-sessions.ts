import { rememberFor } from './check-token.ts';

/** The revoked sessions that a verifier knows, and until when they are complete. Times are those of the monotonic clock. */
export interface RevokedSessions {
  /** Remembers a session that was revoked `age` milliseconds ago. */
  add(sid: string, age: number): void;
  has(sid: string): boolean;
  /** Records that everything that was committed before this time is known. */
  completeUntil(time: number): void;
  /** Milliseconds since which revocations may be missing. */
  staleness(): number;
}

/** Remembers at most `max` sessions. Beyond that it becomes stale until the sessions that it left out no longer matter. */
export function createRevokedSessions(max: number): RevokedSessions {
  const forgetAt = new Map<string, number>();
  let knownUntil = Number.NEGATIVE_INFINITY;
  let incompleteUntil = Number.NEGATIVE_INFINITY;

  /** Sessions are in the order in which they are forgotten, except those of a later snapshot, which wait for their neighbours. */
  function forgetOld(now: number) {
    for (const [sid, until] of forgetAt) {
      if (until > now) break;
      forgetAt.delete(sid);
    }
  }

  return {
    add(sid, age) {
      const now = performance.now();
      const until = now + rememberFor * 1_000 - age;
      forgetOld(now);
      if (until <= now || (forgetAt.get(sid) ?? 0) >= until) return;
      if (forgetAt.delete(sid) || forgetAt.size < max) forgetAt.set(sid, until);
      else incompleteUntil = Math.max(incompleteUntil, until);
    },
    has: (sid) => forgetAt.has(sid),
    completeUntil(time) {
      const now = performance.now();
      forgetOld(now);
      if (now >= incompleteUntil) knownUntil = Math.max(knownUntil, time);
    },
    staleness: () => Math.max(0, performance.now() - knownUntil),
  };
}
