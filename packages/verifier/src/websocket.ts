import type { Transport } from './event-stream.ts';
import { parseJson } from './request.ts';
import { errorOf, parseEvent, parseHeartbeat, query } from './stream-message.ts';
import { asVerifierError, VerifierError } from './verifier-error.ts';

const maxLength = 1024 * 1024; // characters of one message
const rejectionCodes = [4401, 4403]; // of graphql-transport-ws: unauthorized, forbidden

/** Receives the stream over WebSocket (graphql-transport-ws). */
export const streamOverWebSocket: Transport = async ({ url, token, heartbeat }, { after, signal, onMessage }) => {
  const socket = await openSocket(`${url.replace(/^http/, 'ws')}/graphql`);
  const send = (message: object) => socket.send(JSON.stringify(message));
  const handle = (text: unknown) => {
    const { type, payload } = parseMessage(text);
    if (type === 'connection_ack') send({ id: '1', type: 'subscribe', payload: { query, variables: { after } } });
    else if (type === 'next') onMessage(parseEvent(payload));
    else if (type === 'error') throw errorOf(payload);
    else if (type === 'complete') socket.close();
    else if (type === 'ping') {
      send({ type: 'pong' });
      if (payload !== undefined) onMessage(parseHeartbeat(payload));
    }
  };
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      if (signal.aborted) reject(signal.reason);
      socket.addEventListener('open', () => send({ type: 'connection_init', payload: { authorization: `Bearer ${token}`, heartbeat } }));
      socket.addEventListener('message', ({ data }) => attempt(() => handle(data), reject));
      socket.addEventListener('error', () => reject(new VerifierError('ERR_UNREACHABLE', 'the socket failed')));
      socket.addEventListener('close', ({ code }) =>
        rejectionCodes.includes(code) ? reject(new VerifierError('ERR_REFUSED', String(code))) : resolve(),
      );
    });
  } catch (error) {
    throw asVerifierError(error, 'ERR_UNREACHABLE');
  } finally {
    socket.close();
  }
};

/** An error that is thrown in an event listener would otherwise be uncaught. */
function attempt(action: () => void, onError: (error: unknown) => void) {
  try {
    action();
  } catch (error) {
    onError(error);
  }
}

function parseMessage(text: unknown) {
  if (typeof text !== 'string' || text.length > maxLength) throw new VerifierError('ERR_STREAM_INVALID');
  return (parseJson(text) ?? {}) as { type?: unknown; payload?: unknown };
}

/** Uses the WebSocket of Node.js 22 and later, otherwise the package ws if it is installed. */
async function openSocket(url: string): Promise<WebSocket> {
  const Socket =
    globalThis.WebSocket ??
    (await import('ws').then(
      (ws) => ws.WebSocket as unknown,
      () => undefined,
    ));
  if (!Socket) throw new VerifierError('ERR_CONFIGURATION', 'transport websocket needs Node.js 22 or the package ws');
  return new Socket(url, 'graphql-transport-ws');
}
