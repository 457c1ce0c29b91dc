import { beatOf, complaint, eventOf, type Message, query } from './message.ts';
import type { Settings } from './options.ts';
import { bearer, parseJson, request, textOf } from './request.ts';
import { asVerifierError, VerifierError } from './verifier-error.ts';

/** One line to the server: hands on what is told until it ends. Throws why it could not be had, or was cut. */
export type Line = (settings: Settings, after: string, signal: AbortSignal, hear: (message: Message) => void) => Promise<void>;

const most = 1024 * 1024; // characters of one event

/** Follows by server-sent events (GraphQL over SSE, distinct connections mode). */
export const overEvents: Line = async (settings, after, signal, hear) => {
  const headers = { ...bearer(settings), accept: 'text/event-stream', 'content-type': 'application/json' };
  const body = JSON.stringify({ query, variables: { after }, extensions: { heartbeat: settings.heartbeat } });
  const response = await request(settings, { path: '/graphql', headers, body, signal });
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) throw await refusalIn(response);
  try {
    await read(response, hear);
  } catch (error) {
    throw asVerifierError(error, 'ERR_UNREACHABLE');
  }
};

async function refusalIn(response: Response): Promise<VerifierError> {
  const { errors } = (parseJson(await textOf(response, most)) ?? {}) as { errors?: unknown };
  return errors === undefined ? new VerifierError('ERR_STREAM_INVALID') : complaint(errors);
}

async function read(response: Response, hear: (message: Message) => void) {
  const take = parser(hear);
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > most) throw new VerifierError('ERR_STREAM_INVALID', 'a line without end');
    for (const line of lines) take(line.endsWith('\r') ? line.slice(0, -1) : line);
  }
}

/** Takes a stream in line by line: comments are beats, other lines are of an event until an empty one ends it. */
function parser(hear: (message: Message) => void) {
  let event = '';
  let data = '';
  return (line: string) => {
    if (line.startsWith(': ')) return hear(beatOf(parseJson(line.slice(2))));
    if (line.startsWith('event:')) event = line.slice(6).trim();
    if (line.startsWith('data:')) data += line.slice(5);
    if (data.length > most) throw new VerifierError('ERR_STREAM_INVALID', 'an event without end');
    if (line !== '') return;
    if (event === 'next') hear(eventOf(parseJson(data)));
    event = '';
    data = '';
  };
}
