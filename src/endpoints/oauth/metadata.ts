import { permissions } from '../../policy/permissions.ts';
import { type Endpoint, sendJson } from '../../transport/http/endpoint.ts';

/** A document that says of the server what is true, to anybody. */
const document = (say: (issuer: string) => object): Endpoint => ({
  method: 'GET',
  answer: ({ services, response }) => sendJson(response, 200, say(services.config.PUBLIC_URL), { 'cache-control': 'public, max-age=300' }),
});

const jwksUri = (issuer: string) => `${issuer}/.well-known/jwks.json`;

/**
 * RFC 8414. Sessions are opened by GraphQL: there is no authorization endpoint, no token endpoint and no grant. The lists are said although
 * they are empty, for leaving them out means `authorization_code`, `implicit` and `client_secret_basic` (§2).
 */
const authorizationServer = (issuer: string) => ({
  issuer,
  jwks_uri: jwksUri(issuer),
  scopes_supported: Object.keys(permissions),
  response_types_supported: [],
  grant_types_supported: [],
  revocation_endpoint: `${issuer}/oauth/revoke`,
  revocation_endpoint_auth_methods_supported: ['Bearer'],
  introspection_endpoint: `${issuer}/oauth/introspect`,
  introspection_endpoint_auth_methods_supported: ['Bearer'],
});

export const oauthMetadata = document(authorizationServer);

/**
 * OpenID Connect Discovery 1.0, for the libraries of resource servers that look there for `issuer` and `jwks_uri`. This is no OpenID provider:
 * `authorization_endpoint`, `token_endpoint`, `userinfo_endpoint`, `subject_types_supported` and `id_token_signing_alg_values_supported` are left
 * out, because there is no ID token that they could speak of.
 */
export const openidMetadata = document(authorizationServer);

/**
 * OpenID Shared Signals Framework 1.0 §7.1. A receiver is an API token, so there are no endpoints to manage streams; it hears of everybody, and
 * must understand which session an event is about.
 */
export const ssfMetadata = document((issuer) => ({
  spec_version: '1_0',
  issuer,
  jwks_uri: jwksUri(issuer),
  delivery_methods_supported: ['urn:ietf:rfc:8936'],
  critical_subject_members: ['session'],
  authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6750' }],
  default_subjects: 'ALL',
}));
