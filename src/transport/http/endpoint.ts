import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Rule } from '../../authorization/rules/rule.ts';
import type { AppServices } from '../../graphql/context.ts';
import type { PrepareOperation } from '../../graphql/execution/operation.ts';
import type { UnitOfWork } from '../../identity/unit-of-work.ts';
import type { Html } from '../../lib/html.ts';
import type { ConnectionLimiter } from '../connection-limiter.ts';
import type { RequestGuard } from './request-guard.ts';

/** One request beside GraphQL, and how it is answered. It has passed the guard: host and headers. */
export interface EndpointRequest extends UnitOfWork {
  readonly services: AppServices;
  readonly guard: RequestGuard;
  readonly connectionLimiter: ConnectionLimiter;
  /** The way of every operation, for those that a page does. */
  readonly prepare: PrepareOperation;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What is served at a path, or at all paths of one form, beside GraphQL. */
export interface Endpoint {
  /** As the header `allow` lists them. */
  readonly method: 'GET' | 'POST' | 'GET, POST';
  /** Who may ask, where not anybody. */
  readonly access?: Rule;
  answer(exchange: EndpointRequest): void | Promise<void>;
}

/** Answers in plain text. */
export function sendText(response: ServerResponse, status: number, text: string) {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

/** Answers with a page; `headers` replace those that every answer has. */
export function sendHtml(response: ServerResponse, status: number, page: Html, headers: Record<string, string>) {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', ...headers }).end(page.html);
}

/** Answers with JSON; `headers` replace those that every answer has. */
export function sendJson(response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(value));
}
