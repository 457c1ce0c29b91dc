import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { startTestServer } from '../test-server.ts';
import { rawSocket } from './raw-client.ts';

const server = await startTestServer();

/** Sends bytes and then nothing, or one more byte each second. Returns the first line of the response once the server closes the connection. */
function sendUnfinished(bytes: string, trickle?: string): Promise<{ line: string | undefined; seconds: number }> {
  const { hostname, port } = new URL(server.url);
  const startedAt = performance.now();
  const socket = connect(Number(port), hostname, () => socket.write(bytes));
  const timer = trickle === undefined ? undefined : setInterval(() => socket.writable && socket.write(trickle), 1_000);
  let received = '';
  socket
    .on('error', () => {})
    .on('data', (chunk) => {
      received += chunk;
    });
  return new Promise((resolve) =>
    socket.once('close', () => {
      clearInterval(timer);
      resolve({ line: received.split('\r\n')[0], seconds: (performance.now() - startedAt) / 1_000 });
    }),
  );
}

const post = 'POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';
const upgrade = 'GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n';
const timedOut = 'HTTP/1.1 408 Request Timeout';

// Node looks for such requests every 30 s by default, so that the first of a new server were found after 30 s.
it('ends unfinished headers after 10 s and an unfinished request after 20 s, but no event stream, WebSocket or idle connection', async () => {
  const alice = await server.user();
  const stream = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${alice.accessToken}` },
    body: JSON.stringify({ query: 'subscription { tokenRevoked { sid } }' }),
  });
  const socket = await rawSocket(server);
  await socket.init(alice.accessToken);
  const idle = connect(Number(new URL(server.url).port), '127.0.0.1', () => idle.write(`${post}content-length: 2\r\n\r\n{}`));
  let isIdleClosed = false;
  idle.once('close', () => {
    isIdleClosed = true;
  });

  const headers = [sendUnfinished(post), sendUnfinished(post, 'x'), sendUnfinished(upgrade), sendUnfinished(upgrade, 'x')];
  const bodies = [sendUnfinished(`${post}content-length: 90\r\n\r\n{`), sendUnfinished(`${post}content-length: 90\r\n\r\n{`, ' ')];
  for (const { line, seconds } of await Promise.all(headers)) {
    expect(line).toBe(timedOut);
    expect(seconds).toBeGreaterThan(9);
    expect(seconds).toBeLessThan(19);
  }
  for (const { line, seconds } of await Promise.all(bodies)) {
    expect(line).toBe(timedOut);
    expect(seconds).toBeGreaterThan(19);
    expect(seconds).toBeLessThan(29);
  }

  expect(isIdleClosed).toBe(false);
  socket.send({ type: 'ping' });
  await socket.waitForMessage('pong');
  await alice.query('mutation { logout { ended } }');
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes('"sid"')) text += (await reader?.read())?.value ?? '';
  idle.destroy();
}, 60_000);
