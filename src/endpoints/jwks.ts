import { type Endpoint, sendJson } from '../transport/http/endpoint.ts';

/** `GET /.well-known/jwks.json` (RFC 7517): the public keys of access tokens. */
export const jwks: Endpoint = {
  method: 'GET',
  respond: ({ services: { keys }, response }) => sendJson(response, 200, keys.jwks, { 'cache-control': 'public, max-age=300' }), // security.md 5.7
};
