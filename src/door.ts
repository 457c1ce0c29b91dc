import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from './config.ts';
import { type ErrorCode, errors } from './errors.ts';

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

/** What every request passes before anything reads it: host, origin, method, type and size. */
export function openDoor(config: Config) {
  const hosts = new Set(config.ALLOWED_HOSTS);
  const ours = new URL(config.PUBLIC_URL).origin;
  const isAllowed = (origin: string, host: string | undefined) =>
    origin === ours ||
    config.CORS_ORIGINS.includes(origin) ||
    (origin !== 'null' && host !== undefined && URL.parse(origin)?.host === host);

  return {
    /** Whether a page of this origin may talk to us; without an origin it is no page. */
    admits: ({ headers: { origin, host } }: IncomingMessage) => origin === undefined || isAllowed(origin, host),
    /** Whether the request is meant for us. */
    knows: ({ headers: { host } }: IncomingMessage) => host !== undefined && hosts.has(host.replace(/:\d+$/, '')),
    /** Sets the headers of every answer, and those of CORS for a listed origin only (security.md 15.5). */
    greet({ headers: { origin } }: IncomingMessage, response: ServerResponse) {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      if (config.CORS_ORIGINS.length > 0) response.setHeader('vary', 'Origin');
      if (origin !== undefined && config.CORS_ORIGINS.includes(origin)) response.setHeader('access-control-allow-origin', origin);
    },
    /** Answers the question that browsers ask before a request from another origin. */
    answerPreflight(response: ServerResponse) {
      response.setHeader('access-control-allow-methods', 'POST');
      response.setHeader('access-control-allow-headers', 'authorization, content-type, x-request-id');
      response.setHeader('access-control-max-age', '600');
      response.writeHead(204).end();
    },
    readBody,
    refuse,
  };
}

export type Door = ReturnType<typeof openDoor>;

/** The JSON object that a request carries; undefined when it was refused and answered. Stops reading at the limit. */
async function readBody(request: IncomingMessage, response: ServerResponse): Promise<object | undefined> {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json(?: *; *charset=utf-8)?$/i.test(type)) return refuse(response, 415, 'INVALID_INPUT');
  if (request.headers['content-encoding'] !== undefined) return refuse(response, 415, 'INVALID_INPUT');
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) return refuse(response, 413, 'INVALID_INPUT');
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length > mostBytes) return refuse(response, 413, 'INVALID_INPUT');
    chunks.push(chunk as Buffer);
  }
  const body = parse(chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString());
  return isOperation(body) ? body : refuse(response, 400, 'INVALID_INPUT');
}

/** The value of a JSON text; undefined for what is none, or carries a name that JavaScript gives a meaning (security.md 16.6). */
function parse(text: string): unknown {
  try {
    return /"(?:__proto__|constructor|prototype)"\s*:|\\u00/.test(text) ? JSON.parse(text, refuseMeaningful) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refuseMeaningful(name: string, value: unknown) {
  if (['__proto__', 'constructor', 'prototype'].includes(name)) throw new Error('a name with a meaning');
  return value;
}

const members: Record<string, (value: unknown) => boolean> = {
  query: (value) => typeof value === 'string',
  operationName: (value) => value === null || typeof value === 'string',
  variables: (value) => value === null || (typeof value === 'object' && !Array.isArray(value)),
  extensions: (value) => value === null || (typeof value === 'object' && !Array.isArray(value)),
};

/** One operation, not a batch, with no member that we do not know, and text that survives storage (security.md 1.4, 4.3). */
function isOperation(body: unknown): body is { query: string } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return false;
  return (
    'query' in body &&
    Object.entries(body).every(([name, value]) => members[name]?.(value)) &&
    isSound((body as { variables?: unknown }).variables)
  );
}

/** No text in it has an unpaired surrogate or U+0000. */
export function isSound(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\u0000');
  return typeof value !== 'object' || value === null || Object.entries(value).every(([name, inner]) => isSound(name) && isSound(inner));
}

function refuse(response: ServerResponse, status: number, code: ErrorCode): undefined {
  const body = JSON.stringify({ errors: [{ message: errors[code][0], extensions: { code } }] });
  // What was not read of the request stays unread: the connection ends with the answer.
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', connection: 'close' }).end(body);
}
