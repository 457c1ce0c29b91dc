import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { rawHttpResponse } from '../transport/http/request-guard.ts';

// security.md F30
const serverOptions = {
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  connectionsCheckingInterval: 500, // how often Node looks for requests that took too long; by default every 30 s
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
  requireHostHeader: false, // the listener checks it, if it matters: the response of Node lacks the security headers
};

/** The response to what Node could not parse, by its error code. */
const parseErrors: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

/** Creates an HTTP server that bounds what a connection may take. It does not listen yet. */
export function createBoundedServer(listener: RequestListener): Server {
  const server = createServer(serverOptions, listener);
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    if (stream.writable) stream.end(rawHttpResponse(parseErrors[error.code ?? ''] ?? '400 Bad Request'), () => stream.destroy());
    else stream.destroy();
  });
  return server;
}

/** The port and the host of a server, with the names of their settings. */
interface ListenAddress {
  readonly port: readonly [setting: string, value: number];
  readonly host: readonly [setting: string, value: string];
}

/** Listens, and returns the URL. Throws with the name of the setting that must be changed. */
export async function listen(server: Server, { port: [portSetting, port], host: [hostSetting, host] }: ListenAddress): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(port, host, resolve);
  await promise.catch(({ code }: NodeJS.ErrnoException) => {
    if (code === 'EADDRINUSE')
      throw new Error(`Setting ${portSetting}: ${port} is in use. Stop the other program or set ${portSetting} to another port.`);
    if (code === 'EACCES') throw new Error(`Setting ${portSetting}: no permission to listen on this port`);
    throw new Error(`Setting ${hostSetting}: the server cannot listen on this address`);
  });
  const { port: actual } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${actual}`;
}
