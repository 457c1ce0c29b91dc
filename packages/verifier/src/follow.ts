import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Keys } from './keys.ts';
import type { Knowledge } from './knowledge.ts';
import type { Message } from './message.ts';
import type { Settings } from './options.ts';
import { takeSnapshot } from './snapshot.ts';
import { type Line, overEvents } from './sse.ts';
import { asVerifierError, VerifierError } from './verifier-error.ts';
import { overSocket } from './websocket.ts';

/** `starting` until the server has first been heard, then `following`, or `reconnecting` while the line is cut. */
export type State = 'starting' | 'following' | 'reconnecting' | 'closed';

export interface Following {
  readonly state: State;
  /** Why the server is not being followed. */
  readonly problem: VerifierError | undefined;
  /** Settles with the first beat or the first failure. Rejects where trying again cannot help. */
  readonly begun: Promise<void>;
  readonly ended: Promise<void>;
}

const lines: Record<Settings['transport'], Line> = { sse: overEvents, websocket: overSocket };
const pause = { least: 100, most: 5_000 }; // milliseconds; doubled with each failure
const wait = { firstMessage: 10_000, beats: 3 };

/** Follows revocations until it is closed: a snapshot, then the stream from where the snapshot ends, then from where the stream was cut. */
export function follow(settings: Settings, keys: Keys, knowledge: Knowledge, closing: AbortSignal): Following {
  let state: State = 'starting';
  let problem: VerifierError | undefined;
  let cursor: string | undefined;
  let begin = () => {};
  let giveUp: (error: VerifierError) => void = () => {};
  const begun = new Promise<void>((resolve, reject) => {
    begin = resolve;
    giveUp = reject;
  });

  async function attempt(): Promise<never> {
    cursor ??= await catchUp(settings, keys, knowledge, closing);
    await listen(settings, cursor, closing, take);
    throw new VerifierError('ERR_UNREACHABLE', 'the stream ended');
  }

  function take(message: Message, line: AbortSignal) {
    cursor = message.cursor;
    if ('sid' in message) return knowledge.add(message.sid, 0);
    const reached = performance.now() - message.age;
    // Who does not know which keys were removed is as stale as who does not know which sessions ended.
    void keys.keepUp(message.keys).then((isCurrent) => {
      if (!isCurrent) return;
      knowledge.reach(reached);
      if (!line.aborted) succeed();
    });
  }

  function succeed() {
    if (state !== 'following') settings.say('info', 'revocations are followed');
    state = 'following';
    problem = undefined;
    begin();
  }

  function fail(error: VerifierError) {
    if (error.code === 'ERR_CURSOR_EXPIRED') cursor = undefined;
    if (error.code !== problem?.code) settings.say('warn', `revocations are not followed: ${error.message}`);
    if (state === 'following') state = 'reconnecting';
    problem = error;
    if (isFinal(error)) giveUp(error);
    else begin();
  }

  async function run() {
    for (let failures = 0; !closing.aborted; failures += 1) {
      const from = performance.now();
      const error = await attempt().catch((thrown: unknown) => asVerifierError(thrown, 'ERR_UNREACHABLE'));
      if (closing.aborted) break;
      fail(error);
      if (performance.now() - from > pause.most) failures = 0;
      await sleep(pauseAfter(failures, error), undefined, { signal: closing, ref: false }).catch(() => {});
    }
    begin();
  }

  return {
    begun,
    ended: run(),
    get state() {
      return closing.aborted ? 'closed' : state;
    },
    get problem() {
      return problem;
    },
  };
}

async function catchUp(settings: Settings, keys: Keys, knowledge: Knowledge, closing: AbortSignal): Promise<string> {
  await keys.load();
  const { cursor, revoked } = await takeSnapshot(settings, keys, closing);
  for (const [sid, ago] of revoked) knowledge.add(sid, ago);
  return cursor;
}

/** Listens until the line ends. One on which no beat is heard is dead, whatever the network says. */
async function listen(settings: Settings, after: string, closing: AbortSignal, take: (message: Message, line: AbortSignal) => void) {
  const silence = new AbortController();
  const line = AbortSignal.any([closing, silence.signal]);
  const cut = () => silence.abort(new VerifierError('ERR_UNREACHABLE', 'no beat was heard'));
  let timer = setTimeout(cut, wait.firstMessage).unref();
  const hear = (message: Message) => {
    clearTimeout(timer);
    timer = setTimeout(cut, wait.beats * settings.heartbeat).unref();
    take(message, line);
  };
  try {
    await lines[settings.transport](settings, after, line, hear);
  } finally {
    clearTimeout(timer);
    cut();
  }
}

const isFinal = ({ code }: VerifierError) => code === 'ERR_REFUSED' || code === 'ERR_CONFIGURATION';

/** Jittered, so that all who lost a server do not come back to it at once. */
function pauseAfter(failures: number, error: VerifierError): number {
  const most = isFinal(error) ? pause.most : Math.min(pause.most, pause.least * 2 ** failures);
  return randomInt(most / 2, most + 1);
}
