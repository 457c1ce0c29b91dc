import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../../config.ts';
import { type ErrorCode, errors } from '../../errors.ts';
import { parseJson } from '../../lib/parse-json.ts';
import { readBody } from './read-body.ts';

const mostBytes = 100 * 1024; // security.md F21

/** The headers of every answer (security.md 21.1, 18.7). */
const headers = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
} as const;

/** What a caller wants executed. */
export interface OperationParams {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Record<string, unknown> | null | undefined;
  readonly extensions?: Record<string, unknown> | null | undefined;
}

/** The headers of a request of which Node silently takes the first of two. */
const single = new Set(['authorization', 'content-type', 'host', 'origin']);

/** What every request passes before anything reads it: host, origin, method, type and size. */
export function createRequestGuard(config: Config) {
  const hosts = new Set(config.ALLOWED_HOSTS);
  const listed = new Set(config.CORS_ORIGINS);
  const ours = new URL(config.PUBLIC_URL).origin;
  const isAllowed = (origin: string, host: string | undefined) =>
    origin === ours || listed.has(origin) || (host !== undefined && URL.parse(origin)?.host === host.toLowerCase());

  return {
    /** Whether a page of this origin may talk to us; without an origin it is no page. */
    admits: ({ headers: { origin, host } }: IncomingMessage) => origin === undefined || isAllowed(origin, host),
    /** Whether the request is meant for us. */
    knows: ({ headers: { host } }: IncomingMessage) => host !== undefined && hosts.has(host.toLowerCase().replace(/:\d+$/, '')),
    /** Sets the headers of every answer, and those of CORS for a listed origin only (security.md 15.5). */
    greet({ headers: { origin } }: IncomingMessage, response: ServerResponse, requestId: string) {
      for (const name in headers) response.setHeader(name, headers[name as keyof typeof headers]);
      response.setHeader('x-request-id', requestId);
      if (listed.size > 0) response.setHeader('vary', 'Origin');
      if (origin === undefined || !listed.has(origin)) return;
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('access-control-expose-headers', 'retry-after, x-request-id');
    },
    /** Answers the question that browsers ask before a request from another origin. */
    answerPreflight(response: ServerResponse) {
      response.setHeader('access-control-allow-methods', 'POST');
      response.setHeader('access-control-allow-headers', 'authorization, content-type, x-request-id');
      response.setHeader('access-control-max-age', '600');
      response.writeHead(204).end();
    },
    isAmbiguous,
    readOperation,
    refuse,
  };
}

export type RequestGuard = ReturnType<typeof createRequestGuard>;

/** An answer without a body, for a connection on which no request was understood or which will not be a socket. */
export const rawHttpResponse = (status: string) =>
  `HTTP/1.1 ${status}\r\n${Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}connection: close\r\ncontent-length: 0\r\n\r\n`;

/** Whether the request says twice what must be said once: whoever stands before us may have read the other one. */
function isAmbiguous({ rawHeaders }: IncomingMessage): boolean {
  let seen = '';
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    if (!single.has(name)) continue;
    if (seen.includes(name)) return true;
    seen += `${name} `;
  }
  return false;
}

const types = /^application\/json(?: *; *charset=utf-8)?$/i;

/** The operation that a request carries; undefined when it was refused and answered. */
async function readOperation(request: IncomingMessage, response: ServerResponse): Promise<OperationParams | undefined> {
  const text = await readBody(request, types, mostBytes);
  if (typeof text !== 'string') return refuse(response, ...text);
  const body = parseJson(text);
  return isOperation(body) ? body : refuse(response, 400, 'INVALID_INPUT');
}

const members: Record<string, (value: unknown) => boolean> = {
  query: (value) => typeof value === 'string',
  operationName: (value) => value === null || typeof value === 'string',
  variables: (value) => value === null || isMap(value),
  extensions: (value) => value === null || isMap(value),
};

const isMap = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);

/** One operation, not a batch, with no member that we do not know. */
export const isOperation = (body: unknown): body is OperationParams =>
  isMap(body) && 'query' in body && Object.entries(body).every(([name, value]) => Object.hasOwn(members, name) && members[name]?.(value));

function refuse(response: ServerResponse, status: number, code: ErrorCode, allowed = 'POST, OPTIONS'): undefined {
  const body = JSON.stringify({ errors: [{ message: errors[code].message, extensions: { code } }] });
  if (status === 405) response.setHeader('allow', allowed);
  // What was not read of the request stays unread: the connection ends with the answer.
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', connection: 'close' }).end(body);
}
