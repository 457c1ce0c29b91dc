import type { RawData, WebSocket } from 'ws';
import { errorCodeFromDatabase } from '../../errors.ts';
import type { ActiveSubscription, Connection } from '../../graphql/execution/connection.ts';
import { isTooLarge, responseTooLarge } from '../../graphql/execution/response-limits.ts';
import { parseJson } from '../../lib/parse-json.ts';

const maxMessages = 100; // in a minute (security.md F28)
const minute = 60_000;
const maxBufferedBytes = 1024 * 1024; // sent but not taken by the peer (security.md F29)

/** Why the server closes a socket: nothing else is revealed (security.md 18.3). The codes are those of graphql-transport-ws and RFC 6455. */
export const closeCodes = {
  goingAway: { code: 1001, reason: 'Going away' },
  tryAgainLater: { code: 1013, reason: 'Try again later' },
  invalidMessage: { code: 4400, reason: 'Invalid message' },
  unauthorized: { code: 4401, reason: 'Unauthorized' },
  forbidden: { code: 4403, reason: 'Forbidden' },
  sessionEnded: { code: 4403, reason: 'The session has ended' },
  subprotocolNotAcceptable: { code: 4406, reason: 'Subprotocol not acceptable' },
  initTimeout: { code: 4408, reason: 'Connection initialisation timeout' },
  duplicateSubscriber: { code: 4409, reason: 'Subscriber already exists' },
  tooManyMessages: { code: 4429, reason: 'Too many messages' },
  internalError: { code: 4500, reason: 'Internal server error' },
} as const;

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];

/** Our close code for one of graphql-ws, whose reasons reveal more. */
export const closeCodeFor = (code: number): CloseCode =>
  Object.values(closeCodes).find((known) => known.code === code) ?? closeCodes.internalError;

/** An open WebSocket that bounds what goes in and out. Messages are ignored once it is closing. */
export class WebSocketConnection implements Connection {
  readonly subscriptions = new Set<ActiveSubscription>();
  readonly protocol: string;
  readonly #socket: WebSocket;
  readonly #onError: (error: Error) => void;
  #isAlive = true;
  #messagesLeft = maxMessages;
  #windowEndsAt = 0;

  constructor(socket: WebSocket, onError: (error: Error) => void) {
    this.protocol = socket.protocol;
    this.#socket = socket;
    this.#onError = onError;
    socket.setMaxListeners(0); // each operation listens for `close`
    socket.on('error', () => {}); // an invalid or too long frame: ws closes the socket itself
    socket.on('ping', () => this.#countMessage());
    socket.on('pong', () => {
      this.#isAlive = this.#countMessage() || this.#isAlive;
    });
  }

  get destroyed() {
    return this.#socket.readyState === this.#socket.CLOSED;
  }

  once(event: 'close', listener: () => void) {
    this.#socket.once(event, listener);
  }

  off(event: 'close', listener: () => void) {
    this.#socket.off(event, listener);
  }

  close({ code, reason }: CloseCode) {
    this.#socket.close(code, reason);
  }

  /** Sends a text; resolves when the operating system has taken it. A peer that does not read is disconnected. */
  send(text: string): Promise<void> {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return Promise.resolve();
    if (socket.bufferedAmount > maxBufferedBytes) socket.terminate();
    return new Promise((resolve) => socket.send(isTooLarge(text) ? withoutResult(text) : text, () => resolve()));
  }

  onMessage(handle: (message: string) => Promise<void>) {
    this.#socket.on('message', (data: RawData, isBinary: boolean) => {
      if (!this.#countMessage()) return;
      const text = isBinary ? '' : String(data);
      if (parseJson(text) === undefined) return this.close(closeCodes.invalidMessage);
      handle(text).catch((error: Error) => this.#fail(error));
    });
  }

  /** Pings the peer; disconnects it if it has not answered the previous ping. */
  checkAlive() {
    if (!this.#isAlive) return this.#socket.terminate();
    this.#isAlive = false;
    this.#socket.ping();
  }

  /** Sends a heartbeat. The client's pong does not count as a message. */
  sendHeartbeat(payload: object) {
    this.#messagesLeft += 1;
    void this.send(JSON.stringify({ type: 'ping', payload }));
  }

  /** Counts a message; true if it may be handled. */
  #countMessage(): boolean {
    const now = performance.now();
    if (now >= this.#windowEndsAt) {
      this.#windowEndsAt = now + minute;
      this.#messagesLeft = maxMessages;
    }
    this.#messagesLeft -= 1;
    if (this.#messagesLeft < 0) this.close(closeCodes.tooManyMessages);
    return this.#messagesLeft >= 0 && this.#socket.readyState === this.#socket.OPEN;
  }

  #fail(error: Error) {
    if (errorCodeFromDatabase(error) === 'UNAVAILABLE') return this.close(closeCodes.tryAgainLater);
    this.#onError(error);
    this.close(closeCodes.internalError);
  }
}

function withoutResult(text: string): string {
  const { id } = JSON.parse(text) as { id: string };
  return JSON.stringify({ id, type: 'next', payload: { data: null, errors: [responseTooLarge()] } });
}
