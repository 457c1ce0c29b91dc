import { beatOf, complaint, eventOf, query } from './message.ts';
import { parseJson } from './request.ts';
import type { Line } from './sse.ts';
import { asVerifierError, VerifierError } from './verifier-error.ts';

const most = 1024 * 1024; // characters of one message
const refusing = [4401, 4403]; // of graphql-transport-ws: unauthorized, forbidden

/** Follows over WebSocket (graphql-transport-ws). */
export const overSocket: Line = async ({ url, token, heartbeat }, after, signal, hear) => {
  const socket = await openSocket(`${url.replace(/^http/, 'ws')}/graphql`);
  const say = (message: object) => socket.send(JSON.stringify(message));
  const answer = (text: unknown) => {
    const { type, payload } = messageOf(text);
    if (type === 'connection_ack') say({ id: '1', type: 'subscribe', payload: { query, variables: { after } } });
    else if (type === 'next') hear(eventOf(payload));
    else if (type === 'error') throw complaint(payload);
    else if (type === 'complete') socket.close();
    else if (type === 'ping') {
      say({ type: 'pong' });
      if (payload !== undefined) hear(beatOf(payload));
    }
  };
  try {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      if (signal.aborted) reject(signal.reason);
      socket.addEventListener('open', () => say({ type: 'connection_init', payload: { authorization: `Bearer ${token}`, heartbeat } }));
      socket.addEventListener('message', ({ data }) => attempt(() => answer(data), reject));
      socket.addEventListener('error', () => reject(new VerifierError('ERR_UNREACHABLE', 'the socket failed')));
      socket.addEventListener('close', ({ code }) =>
        refusing.includes(code) ? reject(new VerifierError('ERR_REFUSED', String(code))) : resolve(),
      );
    });
  } catch (error) {
    throw asVerifierError(error, 'ERR_UNREACHABLE');
  } finally {
    socket.close();
  }
};

/** Nothing that is thrown in a listener reaches anybody. */
function attempt(act: () => void, failed: (error: unknown) => void) {
  try {
    act();
  } catch (error) {
    failed(error);
  }
}

function messageOf(text: unknown) {
  if (typeof text !== 'string' || text.length > most) throw new VerifierError('ERR_STREAM_INVALID');
  return (parseJson(text) ?? {}) as { type?: unknown; payload?: unknown };
}

/** Node has sockets of its own from 22 on; before, those of the package ws, where it is installed. */
async function openSocket(url: string): Promise<WebSocket> {
  const Socket =
    globalThis.WebSocket ??
    (await import('ws').then(
      (ws) => ws.WebSocket as unknown,
      () => undefined,
    ));
  if (!Socket) throw new VerifierError('ERR_CONFIGURATION', 'transport websocket needs Node.js 22, or the package ws');
  return new Socket(url, 'graphql-transport-ws');
}
