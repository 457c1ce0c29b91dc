import { all, any } from '../../authorization/rules/rule.ts';
import { consume } from '../../identity/credentials/rate-limit.ts';
import type { Claims } from '../../identity/tokens/access-token.ts';
import type { Viewer } from '../../identity/viewer.ts';
import { apiToken, may, scope, superadmin } from '../../policy/conditions.ts';
import { sendJson } from '../../transport/http/endpoint.ts';
import { type AuthenticatedContext, tokenParameterEndpoint } from './bearer-endpoint.ts';
import { readToken } from './read-token.ts';

const access = all(apiToken, scope('tokens:introspect'), any(superadmin, may('tokens:introspect')));

/**
 * `POST /oauth/introspect` (RFC 7662): whether the API accepts the token now, by the database. Nothing else is revealed about a token that it does not
 * accept. A refresh token is never active, because a resource server must not accept it.
 */
export const introspection = tokenParameterEndpoint(access, async (context, { response }, token) => {
  const claims = await introspect(context, token);
  sendJson(response, 200, claims ? { active: true, ...claims } : { active: false });
});

/** The claims of an active token; undefined for any other. */
async function introspect(context: AuthenticatedContext, text: string) {
  const result = await readToken(context, text);
  if (!result) {
    await consume(context, { badTokenByClient: context.viewer.token.id }); // slows down guessing (security.md 4.7)
    return undefined;
  }
  const { viewer, rejection, claims } = result;
  if (rejection) return undefined;
  const { PUBLIC_URL: iss, AUDIENCE: aud } = context.config;
  const times = claims ? accessTokenClaims(claims) : apiTokenClaims(viewer);
  const limit = viewer.reach && { domain: await domainOf(context, viewer) };
  return { iss, aud, sub: viewer.user.id, sid: viewer.token.id, token_type: 'Bearer', ...times, ...limit };
}

const accessTokenClaims = ({ jti, iat, exp }: Claims) => ({ jti, iat, exp });

const apiTokenClaims = ({ token }: Viewer) => ({
  jti: token.id,
  iat: toSeconds(token.createdAt),
  exp: toSeconds(token.expiresAt),
  scope: token.scopes.join(' '),
});

/** The name of the domain that an API token is limited to: a resource server has to apply the limit, too. */
async function domainOf({ db }: AuthenticatedContext, { token }: Viewer): Promise<string | undefined> {
  const domain = await db.prisma.domain.findUnique({ where: { id: token.domainId ?? '' }, select: { name: true } });
  return domain?.name;
}

const toSeconds = (date: Date) => Math.floor(date.getTime() / 1_000);
