import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { streamOverSse, type Transport } from './event-stream.ts';
import type { KeySet } from './key-set.ts';
import type { Settings } from './options.ts';
import type { RevokedSessions } from './revoked-sessions.ts';
import { readSnapshot } from './snapshot.ts';
import type { StreamMessage } from './stream-message.ts';
import { asVerifierError, VerifierError } from './verifier-error.ts';
import { streamOverWebSocket } from './websocket.ts';

/** `starting` until the first heartbeat, then `following`, or `reconnecting` while disconnected. */
export type State = 'starting' | 'following' | 'reconnecting' | 'closed';

export interface Following {
  readonly state: State;
  /** Why revocations are not followed at the moment. */
  readonly problem: VerifierError | undefined;
  /** Settles with the first heartbeat or the first failure. Rejects if retrying cannot help. */
  readonly started: Promise<void>;
  readonly ended: Promise<void>;
}

const transports: Record<Settings['transport'], Transport> = { sse: streamOverSse, websocket: streamOverWebSocket };
const backoff = { initial: 100, max: 5_000 }; // milliseconds; doubled with each failure
const firstMessageTimeout = 10_000; // milliseconds
const maxMissedHeartbeats = 3;

/** Follows revocations until it is closed: a snapshot, then the stream from its cursor, resumed after each disconnection. */
export function followRevocations(settings: Settings, keys: KeySet, revoked: RevokedSessions, closing: AbortSignal): Following {
  let state: State = 'starting';
  let problem: VerifierError | undefined;
  let cursor: string | undefined;
  let resolveStarted = () => {};
  let rejectStarted: (error: VerifierError) => void = () => {};
  // Promise.withResolvers needs Node.js 22.
  const started = new Promise<void>((resolve, reject) => {
    resolveStarted = resolve;
    rejectStarted = reject;
  });

  async function attempt(): Promise<never> {
    cursor ??= await catchUp(settings, keys, revoked, closing);
    await readStream(settings, cursor, closing, handle);
    throw new VerifierError('ERR_UNREACHABLE', 'the stream ended');
  }

  function handle(message: StreamMessage, connection: AbortSignal) {
    cursor = message.cursor;
    if ('sid' in message) return revoked.add(message.sid, 0);
    const readAt = performance.now() - message.age;
    // A verifier that does not know which keys were removed is as stale as one that does not know which sessions were revoked.
    void keys.update(message.keys).then((isCurrent) => {
      if (!isCurrent) return;
      revoked.completeUntil(readAt);
      if (!connection.aborted) succeed();
    });
  }

  function succeed() {
    if (state !== 'following') settings.report('info', 'revocations are followed');
    state = 'following';
    problem = undefined;
    resolveStarted();
  }

  function fail(error: VerifierError) {
    if (error.code === 'ERR_CURSOR_EXPIRED') cursor = undefined;
    if (error.code !== problem?.code) settings.report('warn', `revocations are not followed: ${error.message}`);
    if (state === 'following') state = 'reconnecting';
    problem = error;
    if (isFinal(error)) rejectStarted(error);
    else resolveStarted();
  }

  async function run() {
    for (let failures = 0; !closing.aborted; failures += 1) {
      const startedAt = performance.now();
      const error = await attempt().catch((thrown: unknown) => asVerifierError(thrown, 'ERR_UNREACHABLE'));
      if (closing.aborted) break;
      fail(error);
      if (performance.now() - startedAt > backoff.max) failures = 0;
      await sleep(delayAfter(failures, error), undefined, { signal: closing, ref: false }).catch(() => {});
    }
    resolveStarted();
  }

  return {
    started,
    ended: run(),
    get state() {
      return closing.aborted ? 'closed' : state;
    },
    get problem() {
      return problem;
    },
  };
}

/** Loads the keys and a snapshot, and returns the cursor to continue from. */
async function catchUp(settings: Settings, keys: KeySet, revoked: RevokedSessions, closing: AbortSignal): Promise<string> {
  await keys.load();
  const snapshot = await readSnapshot(settings, keys, closing);
  for (const { sid, age } of snapshot.revoked) revoked.add(sid, age);
  return snapshot.cursor;
}

/** Reads one stream until it ends. A stream without heartbeats is dead, whatever the network says. */
async function readStream(
  settings: Settings,
  after: string,
  closing: AbortSignal,
  handle: (message: StreamMessage, connection: AbortSignal) => void,
) {
  const silence = new AbortController();
  const connection = AbortSignal.any([closing, silence.signal]);
  const disconnect = () => silence.abort(new VerifierError('ERR_UNREACHABLE', 'no heartbeat was received'));
  let timer = setTimeout(disconnect, firstMessageTimeout).unref();
  const onMessage = (message: StreamMessage) => {
    clearTimeout(timer);
    timer = setTimeout(disconnect, maxMissedHeartbeats * settings.heartbeat).unref();
    handle(message, connection);
  };
  try {
    await transports[settings.transport](settings, { after, signal: connection, onMessage });
  } finally {
    clearTimeout(timer);
    disconnect();
  }
}

const isFinal = ({ code }: VerifierError) => code === 'ERR_REFUSED' || code === 'ERR_CONFIGURATION';

/** Jittered, so that not all verifiers reconnect to a restarted server at once. */
function delayAfter(failures: number, error: VerifierError): number {
  const max = isFinal(error) ? backoff.max : Math.min(backoff.max, backoff.initial * 2 ** failures);
  return randomInt(max / 2, max + 1);
}
