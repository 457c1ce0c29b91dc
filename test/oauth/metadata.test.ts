import { createRemoteJWKSet, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { permissions } from '../../src/policy/permissions.ts';
import { startTestServer } from '../test-server.ts';
import { apiToken, post } from './endpoint-client.ts';

const server = await startTestServer();
const issuer = server.config.PUBLIC_URL;

async function get(name: string) {
  const response = await fetch(`${server.url}/.well-known/${name}`);
  return { status: response.status, headers: response.headers, json: (await response.json()) as Record<string, unknown> };
}
const paths = ['oauth-authorization-server', 'openid-configuration', 'ssf-configuration'];

/** A URL of the document on the server under test. */
const here = (url: unknown) => String(url).replace(issuer, server.url);

describe('metadata documents', () => {
  it.each(paths)('%s names the issuer and is cacheable for at most 5 minutes', async (name) => {
    const { status, headers, json } = await get(name);
    expect([status, json.issuer, json.jwks_uri]).toEqual([200, issuer, `${issuer}/.well-known/jwks.json`]);
    expect([headers.get('content-type'), headers.get('cache-control')]).toEqual(['application/json; charset=utf-8', 'public, max-age=300']);
  });

  it.each(paths)('%s leads to the keys that verify an access token', async (name) => {
    const { accessToken } = await server.user();
    const { json } = await get(name);
    const keys = createRemoteJWKSet(new URL(here(json.jwks_uri)));
    const { payload } = await jwtVerify(String(accessToken), keys, { issuer: String(json.issuer), typ: 'at+jwt' });
    expect(payload.aud).toBe(server.config.AUDIENCE);
  });

  it('name existing endpoints and their authentication method', async () => {
    const { json } = await get('oauth-authorization-server');
    const { secret: token } = await apiToken(server, ['tokens:revoke', 'tokens:introspect']);
    for (const kind of ['revocation', 'introspection']) {
      const { pathname } = new URL(here(json[`${kind}_endpoint`]));
      expect([(await post(server, pathname, 'token=x', { token })).status, json[`${kind}_endpoint_auth_methods_supported`]]).toEqual([
        200,
        kind === 'revocation' ? ['Bearer', 'none'] : ['Bearer'],
      ]);
    }
    expect(json.scopes_supported).toEqual(Object.keys(permissions));
  });

  it('claim no grant types, endpoints or ID tokens that are not supported', async () => {
    for (const name of ['oauth-authorization-server', 'openid-configuration']) {
      const { json } = await get(name);
      const claimed = Object.keys(json).filter((key) =>
        /^(authorization|token|userinfo|registration|end_session|device)|id_token|subject_types/.test(key),
      );
      expect([json.response_types_supported, json.grant_types_supported, claimed]).toEqual([[], [], []]);
    }
  });

  it('are served to GET requests only', async () => {
    for (const name of paths) expect((await fetch(`${server.url}/.well-known/${name}`, { method: 'POST' })).status).toBe(405);
  });
});
