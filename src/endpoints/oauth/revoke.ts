import { all, any } from '../../authorization/rules/rule.ts';
import { onTransaction, sql, type Tx } from '../../database/database.ts';
import { requestError } from '../../errors.ts';
import type { Context } from '../../graphql/context.ts';
import { consume } from '../../identity/credentials/rate-limit.ts';
import { hashToken, hasTokenFormat } from '../../identity/tokens/opaque-token.ts';
import { revocationBy, revokeTokens } from '../../identity/tokens/sessions.ts';
import { reloadViewerForUpdate } from '../../identity/viewer.ts';
import { apiToken, may, scope, superadmin } from '../../policy/conditions.ts';
import { evaluateInMemory } from '../../policy/policy.ts';
import { type AuthenticatedContext, tokenParameterEndpoint } from './bearer-endpoint.ts';
import { readToken } from './read-token.ts';

const access = all(apiToken, scope('tokens:revoke'), any(superadmin, may('tokens:revoke')));

/**
 * `POST /oauth/revoke` (RFC 7009): revokes an API token, or the session of an access or refresh token. An unknown or revoked token gets the same
 * response. The format identifies the kind, so `token_type_hint` is ignored. A refresh token may be presented without a bearer token, because a public
 * client has no other credential (RFC 7009 §5), or with a session of its owner.
 */
export const revocation = tokenParameterEndpoint(
  access,
  async (context, { response }, text) => {
    const token = await findToken(context, text);
    if (token) await context.db.prisma.$transaction((tx) => revoke(tx, context, token));
    else await consume(context, { badTokenByClient: context.viewer.token.id }); // slows down guessing (security.md 4.7)
    response.writeHead(200).end();
  },
  {
    accepts: (text) => hasTokenFormat('refresh', text),
    respond: async (context, { response }, text) => {
      const { viewer } = context;
      const session = await findByRefreshToken(context, text);
      if (session && (viewer === null || viewer.user.id === session.userId)) await revokeOwn(context, session);
      else await consume(context, { badTokenByNetwork: context.client.network });
      response.writeHead(200).end();
    },
  },
);

interface FoundToken {
  readonly id: string;
  readonly userId: string;
}

/** Revoked and expired tokens count as unknown: nothing is locked for them. */
async function findToken(context: AuthenticatedContext, text: string): Promise<FoundToken | undefined> {
  if (hasTokenFormat('refresh', text)) return findByRefreshToken(context, text);
  const read = await readToken(context, text);
  const hasEnded = read?.rejection === 'TOKEN_REVOKED' || read?.rejection === 'TOKEN_EXPIRED';
  return hasEnded ? undefined : read?.viewer.token;
}

/** The session of a refresh token, also of one that was already used. Whether it was unused for too long is decided by the revocation. */
async function findByRefreshToken({ db }: Context, text: string): Promise<FoundToken | undefined> {
  const [session] = await db.query<FoundToken>(sql`
    select t.id::text, t."userId"::text from "TokenSecret" s join "Token" t on t.id = s."tokenId"
    where s.hash = ${hashToken(text)}::bytea and t.kind = 'SESSION' and t."revokedAt" is null and t."expiresAt" > now()`);
  return session;
}

/** Revokes the token and checks the caller's access again in one transaction (security.md 7.9). */
async function revoke(tx: Tx, context: AuthenticatedContext, { id, userId }: FoundToken) {
  const result = await reloadViewerForUpdate(tx, context.viewer, context.config.FRESHNESS);
  if (!result || result.rejection) throw requestError(result?.rejection ?? 'UNAUTHENTICATED');
  const { viewer } = result;
  if (evaluateInMemory(access, viewer) !== true) throw requestError('FORBIDDEN');
  await revokeTokens(onTransaction(tx), sql`t.id = ${id}::uuid`, revocationBy(viewer, userId, context));
}

/** Revokes the session of a refresh token for its owner. */
async function revokeOwn(context: Context, { id, userId }: FoundToken) {
  const owner = await context.loadViewer.load({ sid: id, sub: userId });
  if (owner) await revokeTokens(context.db, sql`t.id = ${id}::uuid`, revocationBy(owner.viewer, userId, context));
}
