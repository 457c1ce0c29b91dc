import { all, any } from '../../authorization/rules/rule.ts';
import { consume } from '../../identity/credentials/rate-limit.ts';
import type { Claims } from '../../identity/tokens/access-token.ts';
import { hashToken, hasTokenFormat } from '../../identity/tokens/opaque-token.ts';
import type { Credential, Viewer } from '../../identity/viewer.ts';
import { apiToken, may, scope, superadmin } from '../../policy/conditions.ts';
import { sendJson } from '../../transport/http/endpoint.ts';
import { type AuthenticatedContext, tokenParameterEndpoint } from './bearer-endpoint.ts';
import { readClaims } from './read-claims.ts';

const access = all(apiToken, scope('tokens:introspect'), any(superadmin, may('tokens:introspect')));

/**
 * `POST /oauth/introspect` (RFC 7662): whether the API would take the token now, as the database has it. Of one that it would not take nothing
 * more is told. A refresh token is none that a resource server may take.
 */
export const introspection = tokenParameterEndpoint(access, async (asking, { response }, token) => {
  const live = await liveOf(asking, token);
  sendJson(response, 200, live ? { active: true, ...live } : { active: false });
});

/** What is told of a live token; undefined for any other. */
async function liveOf(asking: AuthenticatedContext, text: string) {
  const claims = hasTokenFormat('api', text) ? undefined : await readClaims(asking, text);
  const credential: Credential = claims ? { sid: claims.sid } : { hash: hashToken(text) };
  const identified = await asking.loadViewer.load(credential);
  if (!identified) return unknown(asking);
  const { viewer, rejection } = identified;
  if (rejection || viewer.token.idleExpiresAt <= viewer.now) return undefined;
  const { PUBLIC_URL: iss, AUDIENCE: aud } = asking.config;
  return { iss, aud, sub: viewer.user.id, sid: viewer.token.id, token_type: 'Bearer', ...(claims ? ofClaims(claims) : ofRow(viewer)) };
}

const ofClaims = ({ jti, iat, exp }: Claims) => ({ jti, iat, exp });

const ofRow = ({ token }: Viewer) => ({
  jti: token.id,
  iat: seconds(token.createdAt),
  exp: seconds(token.expiresAt),
  scope: token.scopes.join(' '),
});

const seconds = (date: Date) => Math.floor(date.getTime() / 1_000);

/** Guessing is slowed down, here as everywhere (security.md 4.7). */
async function unknown(asking: AuthenticatedContext) {
  await consume(asking, { badTokenByAsker: asking.viewer.token.id });
  return undefined;
}
