import type { ServerResponse } from 'node:http';
import { renderGraphiQL } from 'graphql-yoga';

const page = renderGraphiQL({ title: 'Fieldgate', subscriptionsProtocol: 'WS' });

/** Sends GraphiQL, in development only. It loads its script from a CDN, so the headers that forbid this are removed. */
export function sendGraphiql(response: ServerResponse) {
  response.removeHeader('content-security-policy');
  response.removeHeader('cross-origin-opener-policy');
  response.writeHead(200, { 'content-type': 'text/html' }).end(page);
}
