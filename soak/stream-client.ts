import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { newAddress } from './send-operation.ts';

/** Receives the messages of a stream. */
interface Receiver {
  event(event: { cursor: string; sid: string; reason: string }): void;
  heartbeat(cursor: string): void;
  /** Any other message. */
  unexpected(text: string): void;
}

/** Follows revocations after a cursor until the connection ends, or is silent for four heartbeat intervals. */
export type StreamClient = (url: string, token: string, after: string, to: Receiver, until: AbortSignal) => Promise<void>;

const query = 'subscription ($after: String) { tokenRevoked(all: true, after: $after) { cursor sid reason } }';
const heartbeatInterval = 500; // milliseconds, the minimum (docs/revocations.md)
const silence = 4 * heartbeatInterval;

interface Result {
  data?: { tokenRevoked: { cursor: string; sid: string; reason: string } };
  errors?: unknown;
}

function handleResult(to: Receiver, { data, errors }: Result) {
  if (data?.tokenRevoked) to.event(data.tokenRevoked);
  if (errors) to.unexpected(JSON.stringify(errors));
}

export const overWebSocket: StreamClient = (url, token, after, to, until) => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    headers: { 'x-forwarded-for': newAddress() },
  });
  const say = (message: object) => socket.send(JSON.stringify(message));
  const { promise, resolve } = Promise.withResolvers<void>();
  const cut = () => socket.terminate();
  let alarm = setTimeout(cut, silence);
  until.addEventListener('abort', cut, { once: true });
  socket
    .on('error', () => {})
    .on('open', () => say({ type: 'connection_init', payload: { authorization: `Bearer ${token}`, heartbeat: heartbeatInterval } }));
  socket.on('message', (data) => {
    clearTimeout(alarm);
    alarm = setTimeout(cut, silence);
    const { type, payload } = JSON.parse(String(data));
    if (type === 'connection_ack') say({ id: '1', type: 'subscribe', payload: { query, variables: { after } } });
    else if (type === 'next') handleResult(to, payload);
    else if (type === 'ping') {
      say({ type: 'pong' });
      if (payload?.cursor) to.heartbeat(payload.cursor);
    } else if (type === 'error') to.unexpected(JSON.stringify(payload));
  });
  socket.on('close', (code, reason) => {
    if (code >= 4000) to.unexpected(`${code} ${reason}`);
    clearTimeout(alarm);
    until.removeEventListener('abort', cut);
    resolve();
  });
  return promise;
};

export const overEventStream: StreamClient = async (url, token, after, to, until) => {
  const silent = new AbortController();
  let alarm = setTimeout(() => silent.abort(), silence);
  const headers = {
    'content-type': 'application/json',
    accept: 'text/event-stream',
    authorization: `Bearer ${token}`,
    'x-forwarded-for': newAddress(),
  };
  const body = JSON.stringify({ query, variables: { after }, extensions: { heartbeat: heartbeatInterval } });
  try {
    const answer = await fetch(`${url}/graphql`, { method: 'POST', headers, body, signal: AbortSignal.any([silent.signal, until]) });
    if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) return to.unexpected(await answer.text());
    let text = '';
    for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      clearTimeout(alarm);
      alarm = setTimeout(() => silent.abort(), silence);
      const parts = (text + chunk).split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) handlePart(to, part);
    }
  } catch {
    await sleep(0); // lost connections are part of the test
  } finally {
    clearTimeout(alarm);
  }
};

function handlePart(to: Receiver, part: string) {
  const [, result] = /^event: next\ndata: (.*)$/.exec(part) ?? [];
  if (result) handleResult(to, JSON.parse(result));
  const [, heartbeat] = /^: (\{.*\})$/.exec(part) ?? [];
  if (heartbeat) to.heartbeat(JSON.parse(heartbeat).cursor);
}
