import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Rule } from '../../authorization/rules/rule.ts';
import type { Config } from '../../config.ts';
import type { WorkloadClass } from '../../database/workload.ts';
import type { AppServices } from '../../graphql/context.ts';
import type { RunOperation } from '../../graphql/execution/operation.ts';
import type { UnitOfWork } from '../../identity/unit-of-work.ts';
import type { Html } from '../../lib/html.ts';
import type { ConnectionLimiter } from '../connection-limiter.ts';
import type { SeenRequest } from './observe-request.ts';
import type { RequestGuard } from './request-guard.ts';

/** A request to an endpoint, and its response. The host has been checked and the security headers are set. */
export interface EndpointRequest extends UnitOfWork {
  readonly services: AppServices;
  readonly guard: RequestGuard;
  readonly connectionLimiter: ConnectionLimiter;
  readonly run: RunOperation;
  readonly seen: SeenRequest;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What is served beside GraphQL, at one path or at all paths of a pattern. */
export interface Endpoint {
  /** In the format of the `allow` header. */
  readonly method: 'GET' | 'POST' | 'GET, POST';
  /** The access rule. Public without one. */
  readonly access?: Rule;
  /** The class of work that it needs connections for. Defaults to `read`. */
  readonly workload?: WorkloadClass;
  /** False if the server has no such endpoint with these settings: every method responds as at an unknown path. */
  isEnabled?(config: Config): boolean;
  respond(exchange: EndpointRequest): void | Promise<void>;
}

export function sendText(response: ServerResponse, status: number, text: string) {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

/** Sends an HTML page. `headers` override the security headers. */
export function sendHtml(response: ServerResponse, status: number, page: Html, headers: Record<string, string>) {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', ...headers }).end(page.html);
}

/** Sends JSON. `headers` override the security headers. */
export function sendJson(response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(value));
}
