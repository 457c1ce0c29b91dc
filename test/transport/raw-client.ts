import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { type TestServer, uniqueAddress } from '../test-server.ts';

/** The response to a request that is sent as raw bytes. */
export interface RawResponse {
  readonly status: number;
  readonly headers: string;
  readonly body: string;
}

/** Sends raw bytes and reads until the server closes the connection. */
export async function sendRaw(url: string, text: string | Buffer): Promise<RawResponse> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {});
  socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  const [headers = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n');
  return { status: Number(headers.split(' ')[1]), headers: headers.toLowerCase(), body };
}

/** A request as bytes, with default headers. */
export function request(headers: string[], body: string | Buffer, line = 'POST /graphql HTTP/1.1'): Buffer {
  const bytes = Buffer.from(body as string);
  const lines = ['content-type: application/json', ...headers, `content-length: ${bytes.length}`, 'connection: close'];
  const host = headers.some((header) => /^host:/i.test(header)) ? [] : ['host: localhost'];
  return Buffer.concat([Buffer.from(`${[line, ...host, ...lines].join('\r\n')}\r\n\r\n`), bytes]);
}

/** Posts a body with these headers from a new address. */
export const post = ({ url }: TestServer, body: string | Buffer, headers: Record<string, string> = {}) =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': uniqueAddress(), ...headers },
    body: body as string,
  });

/** The code of the first error of a response. */
export async function codeIn(answer: Response): Promise<string | undefined> {
  const { errors } = (await answer.json()) as { errors?: { extensions: { code: string } }[] };
  return errors?.[0]?.extensions.code;
}

interface Message {
  readonly type: string;
  readonly id?: string;
  // biome-ignore lint/suspicious/noExplicitAny: an untyped message holds anything
  readonly payload?: any;
}

/** A WebSocket that sends only what the test tells it to. */
export async function rawSocket(
  server: TestServer,
  { address = uniqueAddress(), headers = {}, protocol = 'graphql-transport-ws' as string, autoPong = true } = {},
) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, protocol ? [protocol] : [], {
    headers: { 'x-forwarded-for': address, ...headers },
    autoPong,
  });
  const messages: Message[] = [];
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });
  const refused = new Promise<number>((resolve) => {
    socket.on('unexpected-response', (_, response) => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
  });
  socket.on('message', (data) => messages.push(JSON.parse(String(data)))).on('error', () => {});
  const opened = new Promise<true>((resolve) => socket.once('open', () => resolve(true)));
  const status = await Promise.race([opened, refused, closed.then(() => 0)]);
  const send = (message: object | string) => socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  const waitForMessage = async (type: string, id?: string): Promise<Message> => {
    for (;;) {
      const found = messages.find((message) => message.type === type && (id === undefined || message.id === id));
      if (found) return found;
      if (socket.readyState > socket.OPEN) throw new Error(`closed before ${type}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  /** Sends connection_init with a token. */
  const init = async (token?: string) => {
    send({ type: 'connection_init', payload: token === undefined ? {} : { authorization: `Bearer ${token}` } });
    return waitForMessage('connection_ack');
  };
  return { socket, messages, closed, status, send, waitForMessage, init };
}
