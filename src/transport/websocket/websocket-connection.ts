import type { IncomingMessage } from 'node:http';
import type { RawData, WebSocket } from 'ws';
import { errorCodeFromDatabase } from '../../errors.ts';
import type { Connection } from '../../graphql/execution/connection.ts';
import { isTooLong, responseTooLarge } from '../../graphql/execution/response-limits.ts';
import { parseJson } from '../../lib/parse-json.ts';
import type { SocketAuthorization } from './session-tracker.ts';

const most = { messages: 100, buffered: 1024 * 1024 }; // a minute (security.md F28); bytes that wait for the peer (F29)
const minute = 60_000;

/** All that a peer is ever told as its socket is closed (security.md 18.3). The codes are those of graphql-transport-ws and RFC 6455. */
export const closeCodes = {
  away: [1001, 'Going away'],
  later: [1013, 'Try again later'],
  invalid: [4400, 'Invalid message'],
  unauthorized: [4401, 'Unauthorized'],
  forbidden: [4403, 'Forbidden'],
  ended: [4403, 'The session has ended'],
  protocol: [4406, 'Subprotocol not acceptable'],
  silent: [4408, 'Connection initialisation timeout'],
  taken: [4409, 'Subscriber already exists'],
  tooMany: [4429, 'Too many messages'],
  failed: [4500, 'Internal server error'],
} as const;

export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes];

/** The closing with that code, for a library that has a sentence of its own. */
export const closeCodeFor = (code: number): CloseCode => Object.values(closeCodes).find(([known]) => known === code) ?? closeCodes.failed;

/** One open socket: what goes in and out of it is bounded, and nothing goes in once it is being closed. */
export interface WebSocketConnection {
  readonly request: IncomingMessage;
  readonly connection: Connection;
  readonly protocol: string;
  close(closing: CloseCode): void;
  /** Sends a text; settles when the peer's system has taken it. */
  send(text: string): Promise<void>;
  /** Hands each message to `hear`. */
  listen(hear: (message: string) => Promise<void>): void;
  /** Asks whether the peer is still there; cuts the line if it has not answered the last time. */
  checkAlive(): void;
  /** Says a beat; the peer's answer does not count as a message. */
  heartbeat(payload: object): void;
  /** Until when, and by what, the socket may be used; unknown before it was acknowledged, and where nobody is signed in. */
  authorization?: SocketAuthorization;
}

export function wrapSocket(socket: WebSocket, request: IncomingMessage, failed: (error: Error) => void): WebSocketConnection {
  let alive = true;
  const { count, allow } = counter();
  const close = ([code, reason]: CloseCode) => socket.close(code, reason);
  const admits = () => {
    const fits = count();
    if (!fits) close(closeCodes.tooMany);
    return fits && socket.readyState === socket.OPEN;
  };
  socket.setMaxListeners(0); // each operation under way wants to know when the socket closes
  socket.on('error', () => {}); // a frame that is too long or none at all: ws closes the socket itself
  socket.on('ping', admits);
  socket.on('pong', () => {
    alive = admits() || alive;
  });
  return {
    request,
    connection: connectionOf(socket),
    protocol: socket.protocol,
    close,
    send: (text) => send(socket, text),
    listen: (hear) => socket.on('message', (data, isBinary) => admits() && receive(data, isBinary, hear, close, failed)),
    checkAlive() {
      if (!alive) return socket.terminate();
      alive = false;
      socket.ping();
    },
    heartbeat(payload) {
      allow();
      void send(socket, JSON.stringify({ type: 'ping', payload }));
    },
  };
}

const connectionOf = (socket: WebSocket): Connection => ({
  once: (event, listener) => socket.once(event, listener),
  off: (event, listener) => socket.off(event, listener),
  get destroyed() {
    return socket.readyState === socket.CLOSED;
  },
  subscriptions: new Set(),
});

function counter() {
  let left = most.messages;
  let until = 0;
  const count = () => {
    const now = performance.now();
    if (now >= until) {
      until = now + minute;
      left = most.messages;
    }
    left -= 1;
    return left >= 0;
  };
  const allow = () => {
    left += 1;
  };
  return { count, allow };
}

function receive(
  data: RawData,
  isBinary: boolean,
  hear: (message: string) => Promise<void>,
  close: (closing: CloseCode) => void,
  failed: (error: Error) => void,
) {
  const text = isBinary ? '' : String(data);
  if (parseJson(text) === undefined) return close(closeCodes.invalid);
  hear(text).catch((error: Error) => {
    if (errorCodeFromDatabase(error) === 'UNAVAILABLE') return close(closeCodes.later);
    failed(error);
    close(closeCodes.failed);
  });
}

function send(socket: WebSocket, text: string): Promise<void> {
  if (socket.readyState !== socket.OPEN) return Promise.resolve();
  if (socket.bufferedAmount > most.buffered) socket.terminate();
  return new Promise((resolve) => socket.send(isTooLong(text) ? withoutAnswer(text) : text, () => resolve()));
}

function withoutAnswer(text: string): string {
  const { id } = JSON.parse(text) as { id: string };
  return JSON.stringify({ id, type: 'next', payload: { data: null, errors: [responseTooLarge()] } });
}
