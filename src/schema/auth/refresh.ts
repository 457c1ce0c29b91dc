import { randomBytes } from 'node:crypto';
import type { GraphQLResolveInfo, SelectionSetNode } from 'graphql';
import { interval, preparedStatement, sql } from '../../database/database.ts';
import { graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { consume } from '../../identity/credentials/rate-limit.ts';
import { deriveNextRefreshToken, hashToken, hasTokenFormat } from '../../identity/tokens/opaque-token.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import { singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { enterSession, issueTokens, Session, type SessionRow } from './session.ts';

const RefreshInput = builder.inputType('RefreshInput', {
  description: 'The refresh token that is exchanged.',
  fields: (t) => ({
    refreshToken: t.string({ required: true, validate: singleLineText(256), description: 'The newest refresh token of the session.' }),
  }),
});

builder.mutationField('refresh', (t) =>
  t.field({
    type: Session,
    nullable: false,
    description: 'Exchanges a refresh token, once, for the next pair of tokens. A second use of one ends the session.',
    access: anyone('the refresh token says whose session it is'),
    credential: true,
    args: { input: t.arg({ type: RefreshInput, required: true, description: 'The exchange.' }) },
    resolve: async (_, { input: { refreshToken } }, context, info) => {
      if (!hasTokenFormat('refresh', refreshToken)) throw await refused(context);
      const nonce = randomBytes(32);
      const next = deriveNextRefreshToken(context.keys, refreshToken, nonce);
      const session = await exchange(context, hashToken(refreshToken), hashToken(next), nonce);
      const issued = session ? { session, next } : await again(context, refreshToken);
      // A refresh that selects only tokens takes one statement: the owner is not loaded.
      const needsOwner = info.fieldNodes.some((node) => selectsOwner(info, node.selectionSet));
      const viewer = needsOwner ? await enterSession(context, issued.session.id) : null;
      return issueTokens(context, issued.session, issued.next, viewer);
    },
  }),
);

/** Whether a field that shows the owner or the session may be selected; `@skip` and `@include` are ignored. */
function selectsOwner(info: GraphQLResolveInfo, set: SelectionSetNode | undefined): boolean {
  return (set?.selections ?? []).some((node) => {
    if (node.kind === 'FragmentSpread') return selectsOwner(info, info.fragments[node.name.value]?.selectionSet);
    if (node.kind === 'InlineFragment') return selectsOwner(info, node.selectionSet);
    return node.name.value === 'user' || node.name.value === 'token';
  });
}

/**
 * Spends the value and adds its successor in one conditional statement, so that of any number of uses at once one wins (RFC 9700 §4.14.2),
 * and a session that ends at the same moment stays ended. Answers the session; undefined when the value is unknown or spent, or
 * its session has ended or is shut out: then nothing is used up.
 */
async function exchange({ db, config }: Context, hash: Uint8Array, next: Uint8Array, nonce: Uint8Array): Promise<SessionRow | undefined> {
  const { REQUIRE_EMAIL_CONFIRMATION: confirmed, REFRESH_TOKEN_IDLE: idle } = config;
  const [session] = await db.query<SessionRow>(exchanged(nonce, hash, confirmed, idle, next, hash));
  return session;
}

const isLive = sql`t.kind = 'SESSION' and t."revokedAt" is null and t."expiresAt" > now() and t."idleExpiresAt" > now()`;

const none = new Uint8Array();
const exchanged = preparedStatement(
  'refresh',
  sql`
    with spent as (
      update "TokenSecret" s set "usedAt" = now(), nonce = ${none}::bytea
      from "Token" t join "User" u on u.id = t."userId" left join "Domain" home on home.id = t."domainId"
      where s.hash = ${none}::bytea and s."usedAt" is null and t.id = s."tokenId" and ${isLive}
        and u.enabled and u."deletedAt" is null and (u."emailConfirmedAt" is not null or not ${true}::bool) and coalesce(home.active, true)
      returning s."tokenId"
    ), family as (
      update "Token" t set "lastUsedAt" = now(), "idleExpiresAt" = now() + ${interval(0)}, rotations = t.rotations + 1
      from spent where t.id = spent."tokenId" and ${isLive} returning t.*
    ), successor as (
      insert into "TokenSecret" (hash, "tokenId", "parentHash") select ${none}::bytea, id, ${none}::bytea from family
    )
    select id, "userId", "authenticatedAt", "expiresAt", "idleExpiresAt" from family`,
);
interface Spent extends SessionRow {
  nonce: Uint8Array;
  next: Uint8Array | null;
}

/** A value that could not be spent: repeated after a lost answer, or reused, or nothing that we know. */
async function again(context: Context, refreshToken: string) {
  const hash = hashToken(refreshToken);
  const [spent] = await context.db.query<Spent>(sql`
    select t.id, t."userId", t."authenticatedAt", t."expiresAt", t."idleExpiresAt", s.nonce, case when next."usedAt" is null and ${isLive}
      and s."usedAt" > now() - ${interval(context.config.REFRESH_RETRY_WINDOW)} then next.hash end as next
    from "TokenSecret" s join "Token" t on t.id = s."tokenId" left join "TokenSecret" next on next."parentHash" = s.hash
    where s.hash = ${hash}::bytea and s."usedAt" is not null and t.kind = 'SESSION'`);
  if (!spent) throw await refused(context);
  const next = deriveNextRefreshToken(context.keys, refreshToken, spent.nonce);
  if (spent.next && hashToken(next).equals(spent.next)) return { session: spent, next };
  // Committed although the request fails: the thief's newest token is dead too (security.md 6.2).
  const { client, db } = context;
  const ending = { reason: 'REUSE_DETECTED', initiator: 'POLICY', actor: null, work: context } as const;
  const ended = await revokeTokens(db, sql`t.id = ${spent.id}::uuid`, ending);
  if (ended.length > 0) context.log.warn({ event: 'authn_token_reuse', tokenId: spent.id, network: client.network });
  throw graphqlError(ended.length > 0 ? 'TOKEN_REUSED' : 'INVALID_TOKEN');
}

async function refused(context: Context) {
  await consume(context, { badTokenByNetwork: context.client.network });
  return graphqlError('INVALID_TOKEN');
}
