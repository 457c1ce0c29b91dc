import { permissions } from '../../policy/permissions.ts';
import { type Endpoint, sendJson } from '../../transport/http/endpoint.ts';

/** A public document that describes the server. */
const metadataEndpoint = (describe: (issuer: string) => object): Endpoint => ({
  method: 'GET',
  respond: ({ services, response }) =>
    sendJson(response, 200, describe(services.config.PUBLIC_URL), { 'cache-control': 'public, max-age=300' }),
});

const jwksUri = (issuer: string) => `${issuer}/.well-known/jwks.json`;

/**
 * RFC 8414. Sessions are created by GraphQL: there is no authorization endpoint, no token endpoint and no grant type. The empty lists are required:
 * omitting them means `authorization_code`, `implicit` and `client_secret_basic` (§2).
 */
const authorizationServer = (issuer: string) => ({
  issuer,
  jwks_uri: jwksUri(issuer),
  scopes_supported: Object.keys(permissions),
  response_types_supported: [],
  grant_types_supported: [],
  revocation_endpoint: `${issuer}/oauth/revoke`,
  revocation_endpoint_auth_methods_supported: ['Bearer', 'none'], // none: the owner of a refresh token
  introspection_endpoint: `${issuer}/oauth/introspect`,
  introspection_endpoint_auth_methods_supported: ['Bearer'],
});

export const oauthMetadata = metadataEndpoint(authorizationServer);

/**
 * OpenID Connect Discovery 1.0, for libraries of resource servers that look there for `issuer` and `jwks_uri`. This is not an OpenID provider:
 * `authorization_endpoint`, `token_endpoint`, `userinfo_endpoint`, `subject_types_supported` and `id_token_signing_alg_values_supported` are
 * omitted because there is no ID token.
 */
export const openidMetadata = metadataEndpoint(authorizationServer);

/**
 * OpenID Shared Signals Framework 1.0 §7.1. A receiver is an API token, so there are no endpoints to manage streams. It receives the events of all
 * users, and must understand which session an event is about.
 */
export const ssfMetadata = metadataEndpoint((issuer) => ({
  spec_version: '1_0',
  issuer,
  jwks_uri: jwksUri(issuer),
  delivery_methods_supported: ['urn:ietf:rfc:8936'],
  critical_subject_members: ['session'],
  authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6750' }],
  default_subjects: 'ALL',
}));
