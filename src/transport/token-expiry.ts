import type { Context } from '../graphql/context.ts';
import { maxTimerDelay } from '../graphql/execution/timeout.ts';

/** Calls `act` when the token that the context was made from is good no more: its time has come, or its key was removed. Answers how not to. */
export function onTokenExpired(
  { tokenExpiresAt, signingKeyId, keys }: Pick<Context, 'tokenExpiresAt' | 'signingKeyId' | 'keys'>,
  act: () => void,
): () => void {
  const stops = [at(tokenExpiresAt, act), signingKeyId === null ? () => {} : keys.onKeyRemoved(signingKeyId, act)];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Calls `act` at that time, however far it is; answers how not to. Null is never. */
function at(time: Date | null, act: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    const left = time ? time.getTime() - Date.now() : 0;
    timer = left > maxTimerDelay ? setTimeout(wait, maxTimerDelay) : setTimeout(act, left);
  };
  if (time) wait();
  return () => clearTimeout(timer);
}
