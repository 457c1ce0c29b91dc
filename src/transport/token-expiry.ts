import type { Context } from '../graphql/context.ts';
import { maxTimerDelay } from '../graphql/execution/timeout.ts';

/** Calls `onExpired` once the token of the context is no longer valid: it has expired, or its signing key was removed. Returns how to stop. */
export function onTokenExpired(
  { tokenExpiresAt, signingKeyId, keys }: Pick<Context, 'tokenExpiresAt' | 'signingKeyId' | 'keys'>,
  onExpired: () => void,
): () => void {
  const stopTimer = tokenExpiresAt ? callAt(tokenExpiresAt, onExpired) : () => {};
  const stopListening = signingKeyId === null ? () => {} : keys.onKeyRemoved(signingKeyId, onExpired);
  return () => {
    stopTimer();
    stopListening();
  };
}

/** setTimeout for any time, however far ahead. Returns how to stop. */
function callAt(time: Date, callback: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = () => {
    const delay = time.getTime() - Date.now();
    timer = delay > maxTimerDelay ? setTimeout(wait, maxTimerDelay) : setTimeout(callback, delay);
  };
  wait();
  return () => clearTimeout(timer);
}
