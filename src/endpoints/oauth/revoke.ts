import { all, any } from '../../authorization/rules/rule.ts';
import { onTransaction, type Sql, sql, type Tx } from '../../database/database.ts';
import { requestError } from '../../errors.ts';
import { consume } from '../../identity/credentials/rate-limit.ts';
import { hashToken, hasTokenFormat } from '../../identity/tokens/opaque-token.ts';
import { revocationBy, revokeTokens } from '../../identity/tokens/sessions.ts';
import { reloadViewerForUpdate } from '../../identity/viewer.ts';
import { apiToken, may, scope, superadmin } from '../../policy/conditions.ts';
import { evaluateInMemory } from '../../policy/policy.ts';
import { type AuthenticatedContext, tokenParameterEndpoint } from './bearer-endpoint.ts';
import { readClaims } from './read-claims.ts';

const access = all(apiToken, scope('tokens:revoke'), any(superadmin, may('tokens:revoke')));

/**
 * `POST /oauth/revoke` (RFC 7009): revokes an API token, or the session of an access or refresh token. An unknown or revoked token gets the same
 * response. The format identifies the kind, so `token_type_hint` is ignored.
 */
export const revocation = tokenParameterEndpoint(access, async (context, { response }, text) => {
  const token = await findActiveToken(context, text);
  if (token) await context.db.prisma.$transaction((tx) => revoke(tx, context, token));
  else await consume(context, { badTokenByClient: context.viewer.token.id }); // slows down guessing (security.md 4.7)
  response.writeHead(200).end();
});

interface ActiveToken {
  readonly id: string;
  readonly userId: string;
}

/** Revoked and expired tokens count as unknown: nothing is locked for them. */
async function findActiveToken(context: AuthenticatedContext, text: string): Promise<ActiveToken | undefined> {
  const where = await tokenWhere(context, text);
  if (!where) return undefined;
  const [token] = await context.db.query<ActiveToken>(sql`
    select t.id::text, t."userId"::text from "Token" t where ${where} and t."revokedAt" is null and t."expiresAt" > now()`);
  return token;
}

/** The condition on "Token" t for the text; undefined if it is no token. A refresh token that was already used identifies its session. */
async function tokenWhere(context: AuthenticatedContext, text: string): Promise<Sql | undefined> {
  const byHash = sql`t.id = (select s."tokenId" from "TokenSecret" s where s.hash = ${hashToken(text)}::bytea)`;
  if (hasTokenFormat('api', text)) return sql`t.kind = 'API' and ${byHash}`;
  if (hasTokenFormat('refresh', text)) return sql`t.kind = 'SESSION' and ${byHash}`;
  const claims = await readClaims(context, text);
  return claims && sql`t.kind = 'SESSION' and t.id = ${claims.sid}::uuid`;
}

/** Revokes the token and checks the caller's access again in one transaction (security.md 7.9). */
async function revoke(tx: Tx, context: AuthenticatedContext, { id, userId }: ActiveToken) {
  const result = await reloadViewerForUpdate(tx, context.viewer, context.config.FRESHNESS);
  if (!result || result.rejection) throw requestError(result?.rejection ?? 'UNAUTHENTICATED');
  const { viewer } = result;
  if (evaluateInMemory(access, viewer) !== true) throw requestError('FORBIDDEN');
  await revokeTokens(onTransaction(tx), sql`t.id = ${id}::uuid`, revocationBy(viewer, userId, context));
}
