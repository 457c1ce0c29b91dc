import type { Context } from '../graphql/context.ts';
import { maxTimerDelay } from '../graphql/execution/timeout.ts';

/** Calls `onExpired` once the token of the context is no longer valid: it has expired, or its signing key was removed. Returns how to stop. */
export function onTokenExpired(
  { tokenExpiresAt, viewer, signingKeyId, keys }: Pick<Context, 'tokenExpiresAt' | 'viewer' | 'signingKeyId' | 'keys'>,
  onExpired: () => void,
): () => void {
  // From the time of the database at which the token was checked: the clock of this node may be off.
  const stopTimer = tokenExpiresAt && viewer ? callAfter(tokenExpiresAt.getTime() - viewer.now.getTime(), onExpired) : () => {};
  const stopListening = signingKeyId === null ? () => {} : keys.onKeyRemoved(signingKeyId, onExpired);
  return () => {
    stopTimer();
    stopListening();
  };
}

/** setTimeout for any number of milliseconds. Returns how to stop. */
function callAfter(milliseconds: number, callback: () => void): () => void {
  const due = performance.now() + milliseconds;
  let timer: NodeJS.Timeout;
  const wait = () => {
    const delay = due - performance.now();
    timer = delay > maxTimerDelay ? setTimeout(wait, maxTimerDelay) : setTimeout(callback, delay);
  };
  wait();
  return () => clearTimeout(timer);
}
