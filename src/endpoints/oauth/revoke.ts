import { all, any } from '../../authorization/rules/rule.ts';
import { onTransaction, type Sql, sql, type Tx } from '../../database/database.ts';
import { requestError } from '../../errors.ts';
import { consume } from '../../identity/credentials/rate-limit.ts';
import { hashToken, hasTokenFormat } from '../../identity/tokens/opaque-token.ts';
import { revocationBy, revokeTokens } from '../../identity/tokens/sessions.ts';
import { reloadViewerForUpdate } from '../../identity/viewer.ts';
import { apiToken, may, scope, superadmin } from '../../policy/conditions.ts';
import { evaluateInMemory } from '../../policy/evaluators.ts';
import { type AuthenticatedContext, tokenParameterEndpoint } from './bearer-endpoint.ts';
import { readClaims } from './read-claims.ts';

const access = all(apiToken, scope('tokens:revoke'), any(superadmin, may('tokens:revoke')));

/**
 * `POST /oauth/revoke` (RFC 7009): ends the session of an access or refresh token, or an API token. What is no token, or has ended, is
 * answered alike. Each kind is known by its form, so `token_type_hint` is not needed.
 */
export const revocation = tokenParameterEndpoint(access, async (asking, { response }, token) => {
  const found = await find(asking, token);
  if (found) await asking.db.prisma.$transaction((tx) => end(tx, asking, found));
  else await consume(asking, { badTokenByAsker: asking.viewer.token.id }); // guessing is slowed down (security.md 4.7)
  response.writeHead(200).end();
});

interface Found {
  readonly id: string;
  readonly userId: string;
}

/** The live token that the text is one of. What has ended is counted as what never was: nothing is locked for it. */
async function find(asking: AuthenticatedContext, text: string): Promise<Found | undefined> {
  const which = await named(asking, text);
  if (!which) return undefined;
  const [found] = await asking.db.query<Found>(sql`
    select t.id::text, t."userId"::text from "Token" t where ${which} and t."revokedAt" is null and t."expiresAt" > now()`);
  return found;
}

/** The condition on "Token" t that the text names; undefined for what names none. A refresh token that was used before names its session. */
async function named(asking: AuthenticatedContext, text: string): Promise<Sql | undefined> {
  const hashed = sql`t.id = (select s."tokenId" from "TokenSecret" s where s.hash = ${hashToken(text)}::bytea)`;
  if (hasTokenFormat('api', text)) return sql`t.kind = 'API' and ${hashed}`;
  if (hasTokenFormat('refresh', text)) return sql`t.kind = 'SESSION' and ${hashed}`;
  const claims = await readClaims(asking, text);
  return claims && sql`t.kind = 'SESSION' and t.id = ${claims.sid}::uuid`;
}

/** Ends it in one transaction with the right to do so, read again (security.md 7.9). */
async function end(tx: Tx, asking: AuthenticatedContext, { id, userId }: Found) {
  const again = await reloadViewerForUpdate(tx, asking.viewer, asking.config.FRESHNESS);
  if (!again || again.rejection) throw requestError(again?.rejection ?? 'UNAUTHENTICATED');
  const { viewer } = again;
  if (evaluateInMemory(access, viewer) !== true) throw requestError('FORBIDDEN');
  await revokeTokens(onTransaction(tx), sql`t.id = ${id}::uuid`, revocationBy(viewer, userId, asking));
}
