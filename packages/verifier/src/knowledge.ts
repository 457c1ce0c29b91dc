import { kept } from './check.ts';

/** What a verifier knows of revocations, and up to when. Times are those of a clock that nobody sets. */
export interface Knowledge {
  /** Remembers that a session ended so many milliseconds ago. */
  add(sid: string, ago: number): void;
  isRevoked(sid: string): boolean;
  /** All that was committed before then is known. */
  reach(time: number): void;
  /** Milliseconds since which revocations may be missing. */
  staleness(): number;
}

/** Remembers at most so many sessions. When there are more it knows no longer all, and says so, until what it left out has ceased to matter. */
export function createKnowledge(most: number): Knowledge {
  const forgetAt = new Map<string, number>();
  let reached = Number.NEGATIVE_INFINITY;
  let incompleteUntil = Number.NEGATIVE_INFINITY;

  /** They stand in the order in which they are forgotten, but for those of a later snapshot, which wait for their neighbours. */
  function forget(now: number) {
    for (const [sid, until] of forgetAt) {
      if (until > now) break;
      forgetAt.delete(sid);
    }
  }

  return {
    add(sid, ago) {
      const now = performance.now();
      const until = now + kept * 1_000 - ago;
      forget(now);
      if (until <= now || (forgetAt.get(sid) ?? 0) >= until) return;
      if (forgetAt.delete(sid) || forgetAt.size < most) forgetAt.set(sid, until);
      else incompleteUntil = Math.max(incompleteUntil, until);
    },
    isRevoked: (sid) => forgetAt.has(sid),
    reach(time) {
      const now = performance.now();
      forget(now);
      if (now >= incompleteUntil) reached = Math.max(reached, time);
    },
    staleness: () => Math.max(0, performance.now() - reached),
  };
}
