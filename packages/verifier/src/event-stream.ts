import type { Settings } from './options.ts';
import { bearerHeader, parseJson, readText, request } from './request.ts';
import { errorOf, parseEvent, parseHeartbeat, query, type StreamMessage } from './stream-message.ts';
import { asVerifierError, VerifierError } from './verifier-error.ts';

interface Subscription {
  /** The cursor to continue from. */
  readonly after: string;
  readonly signal: AbortSignal;
  readonly onMessage: (message: StreamMessage) => void;
}

/** Receives the stream until it ends. Throws if it could not be opened or was cut. */
export type Transport = (settings: Settings, subscription: Subscription) => Promise<void>;

const maxLength = 1024 * 1024; // characters of one event

/** Receives server-sent events (GraphQL over SSE, distinct connections mode). */
export const streamOverSse: Transport = async (settings, { after, signal, onMessage }) => {
  const headers = { ...bearerHeader(settings), accept: 'text/event-stream', 'content-type': 'application/json' };
  const body = JSON.stringify({ query, variables: { after }, extensions: { heartbeat: settings.heartbeat } });
  const response = await request(settings, { path: '/graphql', headers, body, signal });
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) throw await errorIn(response);
  try {
    await read(response, onMessage);
  } catch (error) {
    throw asVerifierError(error, 'ERR_UNREACHABLE');
  }
};

async function errorIn(response: Response): Promise<VerifierError> {
  const { errors } = (parseJson(await readText(response, maxLength)) ?? {}) as { errors?: unknown };
  return errors === undefined ? new VerifierError('ERR_STREAM_INVALID') : errorOf(errors);
}

async function read(response: Response, onMessage: Subscription['onMessage']) {
  const parseLine = createParser(onMessage);
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLength) throw new VerifierError('ERR_STREAM_INVALID', 'a line is too long');
    for (const line of lines) parseLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  }
}

/** Parses a stream line by line: comments are heartbeats; an empty line ends an event. */
function createParser(onMessage: Subscription['onMessage']) {
  let event = '';
  let data = '';
  return (line: string) => {
    if (line.startsWith(': ')) return onMessage(parseHeartbeat(parseJson(line.slice(2))));
    if (line.startsWith('event:')) event = line.slice(6).trim();
    if (line.startsWith('data:')) data += line.slice(5);
    if (data.length > maxLength) throw new VerifierError('ERR_STREAM_INVALID', 'an event is too long');
    if (line !== '') return;
    if (event === 'next') onMessage(parseEvent(parseJson(data)));
    event = '';
    data = '';
  };
}
