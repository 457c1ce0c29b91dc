import type { Context } from '../graphql/context.ts';
import { longestTimer } from '../graphql/execution/timeout.ts';

/** Calls `act` when the token that the context was made from is good no more: its time has come, or its key was removed. Answers how not to. */
export function whenOver({ until, signedBy, keys }: Pick<Context, 'until' | 'signedBy' | 'keys'>, act: () => void): () => void {
  const stops = [at(until, act), signedBy === null ? () => {} : keys.onGone(signedBy, act)];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Calls `act` at that time, however far it is; answers how not to. Null is never. */
function at(time: Date | null, act: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    const left = time ? time.getTime() - Date.now() : 0;
    timer = left > longestTimer ? setTimeout(wait, longestTimer) : setTimeout(act, left);
  };
  if (time) wait();
  return () => clearTimeout(timer);
}
