import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Rule } from './access/rule.ts';
import type { Census } from './census.ts';
import type { Client, Ground } from './context.ts';
import type { Door } from './door.ts';

/** One request beside GraphQL, and how it is answered. It has passed the door: host and headers. */
export interface Exchange {
  readonly ground: Ground;
  readonly client: Client;
  readonly door: Door;
  readonly census: Census;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What is served at a path, or at all paths of one form, beside GraphQL. */
export interface Endpoint {
  readonly method: 'GET' | 'POST';
  /** Who may ask, where not anybody. */
  readonly access?: Rule;
  answer(exchange: Exchange): void | Promise<void>;
}

/** Answers in plain text. */
export function sendText(response: ServerResponse, status: number, text: string) {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

/** Answers with JSON; `headers` replace those that every answer has. */
export function sendJson(response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(value));
}
