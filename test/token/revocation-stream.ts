import { type TestServer, uniqueAddress } from '../test-server.ts';
import { rawSocket } from '../transport/raw-client.ts';

export type Transport = 'WebSocket' | 'server-sent events';

/** A subscription to `tokenRevoked` as a client sees it. */
export interface RevocationStream {
  /** The database ids of the revoked tokens it has received. */
  readonly sids: string[];
  readonly events: {
    sid: string;
    kind: string;
    reason: string;
    initiator: string;
    tokenId: string;
    userId: string;
    token: object | null;
  }[];
  /** Resolves with the code of the error that ended it, or `complete`. */
  readonly ended: Promise<string>;
  /** Resolves when the connection is closed, with the close code and reason on a WebSocket. */
  readonly closed: Promise<string>;
  leave(): void;
}

const everything = '{ sid kind reason initiator tokenId userId cursor revokedAt token { id } }';

interface Result {
  data?: { tokenRevoked: RevocationStream['events'][number] } | null;
  errors?: { extensions: { code: string } }[];
}

/** Selects only what the log has, so that no objects are loaded. */
export const logFields = '{ sid kind reason initiator tokenId userId cursor revokedAt event }';

/** Subscribes to revocations with a token; `args` are the arguments of the field as text. */
export async function follow(
  server: Pick<TestServer, 'url'>,
  token: string | undefined,
  args = '',
  transport: Transport = 'WebSocket',
  fields = everything,
): Promise<RevocationStream> {
  const query = `subscription { tokenRevoked${args} ${fields} }`;
  const events: RevocationStream['events'] = [];
  const ended = Promise.withResolvers<string>();
  const take = ({ data, errors }: Result) => {
    if (data?.tokenRevoked) events.push(data.tokenRevoked);
    if (errors) ended.resolve(errors[0]?.extensions.code ?? 'no code');
  };
  const line =
    transport === 'WebSocket' ? await overWebSocket(server, token, query, take) : await overServerSentEvents(server, token, query, take);
  void line.complete.then(() => ended.resolve('complete'));
  await waitUntilSubscribed(server, token);
  return {
    events,
    get sids() {
      return events.map(({ sid }) => sid);
    },
    ended: ended.promise,
    closed: line.closed,
    leave: line.leave,
  };
}

/** A stream does not report when it is open, but its statements have run once later requests are answered. */
async function waitUntilSubscribed({ url }: Pick<TestServer, 'url'>, token: string | undefined) {
  for (let times = 0; times < 4; times += 1)
    await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-forwarded-for': uniqueAddress(),
        ...(token && { authorization: `Bearer ${token}` }),
      },
      body: '{"query":"{ viewer { user { tokens { totalCount } } } }"}',
    }).then((answer) => answer.text());
}

async function overWebSocket(server: Pick<TestServer, 'url'>, token: string | undefined, query: string, take: (result: Result) => void) {
  const { socket, init, send, closed } = await rawSocket(server as TestServer);
  await init(token);
  const complete = new Promise<void>((resolve) => {
    socket.on('message', (text) => {
      const { type, payload } = JSON.parse(String(text));
      if (type === 'next') take(payload);
      if (type === 'error') take({ errors: payload });
      if (type === 'complete' || type === 'error') resolve();
    });
  });
  send({ id: '1', type: 'subscribe', payload: { query } });
  return { complete, closed: closed.then(({ code, reason }) => `${code} ${reason}`), leave: () => socket.terminate() };
}

async function overServerSentEvents(
  server: Pick<TestServer, 'url'>,
  token: string | undefined,
  query: string,
  take: (result: Result) => void,
) {
  const leaving = new AbortController();
  const answer = await requestEvents(server, token, { query }, leaving.signal);
  const complete = Promise.withResolvers<void>();
  const closed = readEventStream(answer, take).then(
    (completed) => {
      if (completed) complete.resolve();
      return completed ? 'complete' : 'cut off';
    },
    () => 'cut off',
  );
  return { complete: complete.promise, closed, leave: () => leaving.abort() };
}

/** Requests a stream of server-sent events. */
export const requestEvents = ({ url }: Pick<TestServer, 'url'>, token: string | undefined, body: object, signal?: AbortSignal) =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      'x-forwarded-for': uniqueAddress(),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });

async function readEventStream(answer: Response, take: (result: Result) => void): Promise<boolean> {
  if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) {
    take((await answer.json()) as Result);
    return true;
  }
  let text = '';
  for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) if (part.startsWith('event: next')) take(JSON.parse(part.slice('event: next\ndata: '.length)));
  }
  return true;
}
