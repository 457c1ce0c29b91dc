import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createCensus } from '../transport/connection-limiter.ts';
import { clientOf } from '../transport/http/client-info.ts';
import type { Stream } from '../graphql/execution/connection.ts';
import type { Ground } from '../graphql/context.ts';
import { bareAnswer, openDoor } from '../transport/http/request-guard.ts';
import { endpointAt } from './routes.ts';
import { answerOperation } from '../transport/http/graphql-over-http.ts';
import type { Caller } from '../graphql/execution/operation.ts';
import { createPipeline, type Pipeline } from '../graphql/execution/executor.ts';
import { openSockets } from '../transport/websocket/websocket-server.ts';
import type { WakeUps } from '../identity/tokens/revocation-notifier.ts';

/** What Node could not make a request of, as it says it. */
const misunderstood: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

/** One port: GraphQL over HTTP, SSE and WebSocket, and what is served beside it. Not listening yet. */
export function createApp(ground: Ground, wakeUps: Pick<WakeUps, 'afterwards'>) {
  const { config } = ground;
  const door = openDoor(config);
  const pipeline = createPipeline(ground, wakeUps);
  const census = createCensus();
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 20_000, keepAliveTimeout: 65_000, maxHeaderSize: 16 * 1024 }, // security.md F30
    (request, response) => void answer(request, response).catch((error: Error) => fail(ground, response, error)),
  );
  const sockets = openSockets(ground, pipeline.prepare, door, census);
  server.on('upgrade', sockets.upgrade);
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    if (stream.writable) stream.end(bareAnswer(misunderstood[error.code ?? ''] ?? '400 Bad Request'), () => stream.destroy());
    else stream.destroy();
  });

  async function answer(request: IncomingMessage, response: ServerResponse) {
    const client = clientOf(request, config);
    door.greet(request, response, client.requestId);
    if (door.isAmbiguous(request)) return door.refuse(response, 400, 'INVALID_INPUT');
    if (!door.knows(request)) return door.refuse(response, 421, 'INVALID_INPUT');
    const path = request.url?.split('?', 1)[0];
    if (path === '/graphql')
      return answerGraphql(request, response, {
        client,
        authorization: request.headers.authorization ?? null,
        connection: Object.assign(response, { streams: new Set<Stream>() }),
        census,
      });
    const endpoint = endpointAt(path ?? '');
    if (!endpoint) return door.refuse(response, 404, 'NOT_FOUND');
    if (!endpoint.method.split(', ').includes(request.method ?? '')) return door.refuse(response, 405, 'INVALID_INPUT', endpoint.method);
    try {
      await endpoint.answer({ ground, client, door, census, prepare: pipeline.prepare, request, response });
    } finally {
      wakeUps.afterwards(client);
    }
  }

  async function answerGraphql(request: IncomingMessage, response: ServerResponse, caller: Caller) {
    if (!door.admits(request)) return door.refuse(response, 403, 'FORBIDDEN');
    if (request.method === 'OPTIONS') return door.answerPreflight(response);
    if (request.method === 'GET' && !config.production && request.headers.accept?.includes('text/html'))
      return showGraphiql(pipeline, request, response);
    if (request.method !== 'POST') return door.refuse(response, 405, 'INVALID_INPUT');
    if (request.url?.includes('?')) return door.refuse(response, 400, 'INVALID_INPUT'); // nothing of a request stands in its URL
    const body = await door.readBody(request, response);
    if (body) await answerOperation(pipeline.prepare, caller, body, request, response);
  }

  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  /** Closes the connections on which nothing is asked, or was ever: Node takes those for busy. */
  const closeIdle = () => {
    server.closeIdleConnections();
    for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
  };

  return { server, closeIdle, close: sockets.close };
}

/** GraphiQL loads its script from where it is published; only here, and only in development, a page may do that. */
async function showGraphiql(pipeline: Pipeline, request: IncomingMessage, response: ServerResponse) {
  response.removeHeader('content-security-policy');
  response.removeHeader('cross-origin-opener-policy');
  await pipeline.yoga.handle(request, response, {} as Caller);
}

function fail({ log }: Ground, response: ServerResponse, error: Error) {
  if (response.destroyed) return; // the client went away in the middle of its request
  log.error({ error: String(error.stack) }, 'a request failed unexpectedly');
  if (!response.headersSent) response.writeHead(500);
  response.end();
}
