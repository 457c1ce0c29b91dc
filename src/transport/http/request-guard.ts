import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../../config.ts';
import { type ErrorCode, errors } from '../../errors.ts';
import type { OperationParams } from '../../graphql/execution/operation.ts';
import { createAggregatedLog } from '../../lib/aggregated-log.ts';
import { parseJson } from '../../lib/parse-json.ts';
import type { LogFields, Logger } from '../../logger.ts';
import { readBody } from './read-body.ts';

const maxBytes = 100 * 1024; // security.md F21

/** The headers of every response (security.md 21.1, 18.7). */
export const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
} as const;

/** Headers of which Node silently takes the first of two. */
const singleHeaders = new Set(['authorization', 'content-type', 'host', 'origin']);

export type RequestGuard = ReturnType<typeof createRequestGuard>;

/** Creates the checks that every request passes first: host, origin, content type and size. */
export function createRequestGuard(config: Config, log: Logger) {
  const allowedHosts = new Set(config.ALLOWED_HOSTS);
  const corsOrigins = new Set(config.CORS_ORIGINS);
  const ownOrigin = new URL(config.PUBLIC_URL).origin;
  const isSameOrigin = (origin: string, host: string | undefined) =>
    origin === ownOrigin || (host !== undefined && URL.parse(origin)?.host === host.toLowerCase());

  const warn = createAggregatedLog<LogFields<'warn'>>((fields, message) => log.warn(fields, message));
  const warnOfProxy = createAggregatedLog<LogFields<'warn'>>((fields, message) => log.warn(fields, message)); // a flood of hosts must not hide it
  const reject = (header: 'host' | 'origin', sent: string, setting: keyof Config) => {
    const value = withoutSecrets(sent);
    const fields = { event: 'http_request_rejected' as const, [header]: value, setting };
    warn(`${header} ${value}`, fields, `requests with this ${header} are rejected; ${setting} would allow it`);
    return false;
  };

  return {
    /** True if the request comes from a page of an allowed origin, or from no page at all. Otherwise logs the setting that would allow it. */
    isAllowedOrigin: ({ headers: { origin, host } }: IncomingMessage) =>
      origin === undefined || corsOrigins.has(origin) || isSameOrigin(origin, host) || reject('origin', origin, 'CORS_ORIGINS'),
    /** False, and logged likewise, if the server does not go by this name. */
    isAllowedHost: ({ headers: { host = '' } }: IncomingMessage) =>
      allowedHosts.has(host.toLowerCase().replace(/:\d+$/, '')) || reject('host', host, 'ALLOWED_HOSTS'),
    rejectMethod({ method = '', url = '' }: IncomingMessage, response: ServerResponse, allowed: string) {
      const path = url.split('?', 1)[0]?.slice(0, 255); // a query may contain a secret
      warn(`method ${path}`, { event: 'http_request_rejected', method, path, allowed }, 'requests with this method are rejected');
      response.setHeader('allow', allowed);
      return rejectRequest(response, 405, 'INVALID_INPUT');
    },
    /** Logs that a proxy is not trusted: all its clients share its rate limits. */
    reportUntrustedProxy({ headers }: IncomingMessage) {
      const isForwarded = config.TRUSTED_PROXIES === 0 && (headers['x-forwarded-for'] ?? headers.forwarded) !== undefined;
      if (isForwarded) warnOfProxy('proxy', { event: 'http_proxy_untrusted', setting: 'TRUSTED_PROXIES' }, untrustedProxy);
    },
    /** Sets the headers of every response; those of CORS only for a listed origin (security.md 15.5). */
    setSecurityHeaders({ headers: { origin } }: IncomingMessage, response: ServerResponse, requestId: string) {
      for (const name in securityHeaders) response.setHeader(name, securityHeaders[name as keyof typeof securityHeaders]);
      response.setHeader('x-request-id', requestId);
      if (corsOrigins.size > 0) response.setHeader('vary', 'Origin');
      if (origin === undefined || !corsOrigins.has(origin)) return;
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('access-control-expose-headers', 'retry-after, x-request-id');
    },
    respondToPreflight(response: ServerResponse) {
      response.setHeader('access-control-allow-methods', 'POST');
      response.setHeader('access-control-allow-headers', 'authorization, content-type, x-request-id');
      response.setHeader('access-control-max-age', '600');
      response.writeHead(204).end();
    },
    hasRepeatedHeader,
    readOperation,
    rejectRequest,
  };
}

/** A host or an origin without a username, a password, a path or a query. */
function withoutSecrets(sent: string): string {
  const isOrigin = sent.includes('://');
  const url = URL.parse(isOrigin ? sent : `http://${sent}`);
  return (isOrigin ? url?.origin : url?.host)?.slice(0, 255) ?? 'invalid';
}

const untrustedProxy = 'a proxy forwards requests, but TRUSTED_PROXIES is 0: its clients share one address, and so the rate limits of it';

/** The headers of every response as lines, for responses that are not written by Node's `ServerResponse`. */
export const securityHeaderLines = Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`);

/** A response without a body, for a connection on which no request was parsed or that is not upgraded to a WebSocket. */
export const rawHttpResponse = (status: string, headers: readonly string[] = []) =>
  [`HTTP/1.1 ${status}`, ...securityHeaderLines, ...headers, 'connection: close', 'content-length: 0', '', ''].join('\r\n');

/** True if the request repeats a header that must be unique: a proxy may have read the other one. */
function hasRepeatedHeader({ rawHeaders }: IncomingMessage): boolean {
  let seen = '';
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    if (!singleHeaders.has(name)) continue;
    if (seen.includes(name)) return true;
    seen += `${name} `;
  }
  return false;
}

const jsonType = /^application\/json(?: *; *charset=utf-8)?$/i;

/** Reads the operation of a request; undefined if the request was rejected. */
async function readOperation(request: IncomingMessage, response: ServerResponse): Promise<OperationParams | undefined> {
  const text = await readBody(request, jsonType, maxBytes);
  if (typeof text !== 'string') return rejectRequest(response, text.status, text.code);
  const body = parseJson(text);
  return isOperation(body) ? body : rejectRequest(response, 400, 'INVALID_INPUT');
}

const members: Record<string, (value: unknown) => boolean> = {
  query: (value) => typeof value === 'string',
  operationName: (value) => value === null || typeof value === 'string',
  variables: (value) => value === null || isMap(value),
  extensions: (value) => value === null || isMap(value),
};

const isMap = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

/** True if it is one operation, not a batch, without unknown members. */
export const isOperation = (body: unknown): body is OperationParams =>
  isMap(body) && 'query' in body && Object.entries(body).every(([name, value]) => Object.hasOwn(members, name) && members[name]?.(value));

function rejectRequest(response: ServerResponse, status: number, code: ErrorCode): undefined {
  const body = JSON.stringify({ errors: [{ message: errors[code].message, extensions: { code } }] });
  // The rest of the request is not read, so the connection cannot be reused.
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', connection: 'close' }).end(body);
}
