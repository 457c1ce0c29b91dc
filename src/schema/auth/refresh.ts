import { randomBytes } from 'node:crypto';
import { interval, sql } from '../../database/database.ts';
import { Prisma } from '../../database/generated/prisma/client.ts';
import { preparedStatement } from '../../database/prepared-statement.ts';
import { codeOf, errorCodeFromDatabase, graphqlError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import type { Context } from '../../graphql/context.ts';
import { consume, rateLimitError } from '../../identity/credentials/rate-limit.ts';
import { limits } from '../../identity/credentials/rate-limit-keys.ts';
import { hasNotEnded, isLive } from '../../identity/live-token.ts';
import type { IssuingSession } from '../../identity/tokens/access-token.ts';
import { deriveNextRefreshToken, deriveNextRefreshTokens, hashToken, hasTokenFormat } from '../../identity/tokens/opaque-token.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import { singleLineText } from '../../lib/validators.ts';
import { anyone } from '../../policy/conditions.ts';
import { enterSession, needsViewer, Session } from './session.ts';

const RefreshInput = builder.inputType('RefreshInput', {
  fields: (t) => ({
    refreshToken: t.string({ required: true, validate: singleLineText(256), description: 'The latest refresh token of the session.' }),
  }),
});

builder.mutationField('refresh', (t) =>
  t.field({
    type: Session,
    nullable: false,
    description: 'Exchanges a refresh token for the next pair of tokens. Reusing a refresh token revokes the session.',
    access: anyone('the refresh token is the credential'),
    workload: 'authentication',
    credential: true,
    args: { input: t.arg({ type: RefreshInput, required: true, description: 'Input of the mutation.' }) },
    resolve: async (_, { input: { refreshToken } }, context, info) => {
      const { session, next } = await exchange(context, refreshToken).catch(reportFailure(context));
      context.reports.refreshEnded('OK');
      return enterSession(context, session, next, needsViewer(info));
    },
  }),
);

/** Reports a refresh that fails. */
const reportFailure =
  ({ reports }: Context) =>
  (error: unknown): never => {
    reports.refreshEnded(codeOf(error) ?? errorCodeFromDatabase(error) ?? 'INTERNAL');
    throw error;
  };

async function exchange(context: Context, refreshToken: string): Promise<Rotation> {
  if (!hasTokenFormat('refresh', refreshToken) || !(await isOfBearer(context, refreshToken))) throw await rejectToken(context);
  return (await rotate(context, refreshToken)) ?? replayOrDetectReuse(context, refreshToken);
}

/** True unless the request has a bearer token of another session: two credentials of one request must not disagree (security.md 5.6). */
async function isOfBearer({ db, viewer }: Context, refreshToken: string): Promise<boolean> {
  if (!viewer) return true;
  const secrets = await db.query<unknown>(
    sql`select 1 from "TokenSecret" where hash = ${hashToken(refreshToken)}::bytea and "tokenId" = ${viewer.token.id}::uuid`,
  );
  return secrets.length > 0;
}

/** A session and its next refresh token. */
interface Rotation {
  readonly session: IssuingSession;
  readonly next: string;
}

/**
 * Uses the token and stores its successor. Atomic: in a single conditional statement, only one of any number of concurrent uses succeeds
 * (RFC 9700 §4.14.2), and a session that is revoked at the same time stays revoked. Returns undefined, and uses nothing, if the token is
 * unknown or used, or if its session has expired, may not continue or was refreshed too often.
 */
async function rotate({ db, keys, config }: Context, refreshToken: string): Promise<Rotation | undefined> {
  const { REQUIRE_EMAIL_CONFIRMATION: mustBeConfirmed, REFRESH_TOKEN_IDLE: idle } = config;
  const nonce = randomBytes(32);
  const next = deriveNextRefreshToken(keys, refreshToken, nonce);
  const hash = hashToken(refreshToken);
  const [session] = await db.query<IssuingSession>(rotateStatement({ hash, nonce, nextHash: hashToken(next), mustBeConfirmed, idle }));
  return session && { session, next };
}

/** A condition on "Token" t and "User" u: the session may continue. Only sessions have refresh tokens: the stored hash covers the prefix. */
const mayContinue = (mustBeConfirmed: boolean) => sql`${isLive} and (u."emailConfirmedAt" is not null or not ${mustBeConfirmed}::bool)`;

// Constants of the text, not values: the statement is prepared.
const limit = Prisma.raw(`${limits.refreshBySession.points}`);
const window = Prisma.raw(`interval '${limits.refreshBySession.window} ms'`);

// The refreshes of a session follow one another, each with the token that the one before has stored: no two of them see the same count.
const isWithinLimit = sql`(t."recentRefreshes" < ${limit} or t."refreshWindowAt" <= now())`;

interface RotationValues {
  readonly hash: Uint8Array;
  readonly nonce: Uint8Array;
  readonly nextHash: Uint8Array;
  readonly mustBeConfirmed: boolean;
  /** Milliseconds. */
  readonly idle: number;
}

const rotateStatement = preparedStatement<RotationValues>(
  'refresh',
  ({ hash, nonce, nextHash, mustBeConfirmed, idle }) => sql`
    with used as (
      update "TokenSecret" s set "usedAt" = now(), nonce = ${nonce}::bytea
      from "Token" t join "User" u on u.id = t."userId"
      where s.hash = ${hash}::bytea and s."usedAt" is null and t.id = s."tokenId" and ${mayContinue(mustBeConfirmed)} and ${isWithinLimit}
      returning s."tokenId"
    ), session as (
      update "Token" t set "lastUsedAt" = now(), "idleExpiresAt" = now() + ${interval(idle)}, rotations = t.rotations + 1,
        "recentRefreshes" = case when t."refreshWindowAt" > now() then t."recentRefreshes" + 1 else 1 end,
        "refreshWindowAt" = case when t."refreshWindowAt" > now() then t."refreshWindowAt" else now() + ${window} end
      from used where t.id = used."tokenId" and ${hasNotEnded} returning t.*
    ), successor as (
      insert into "TokenSecret" (hash, "tokenId", "parentHash") select ${nextHash}::bytea, id, ${hash}::bytea from session
    )
    select id, "userId", "authenticatedAt", "expiresAt", "idleExpiresAt", now() as now from session`,
);

/** A token that was not rotated. */
interface StoredToken extends IssuingSession {
  /** Null if the token is not used. */
  readonly nonce: Uint8Array | null;
  /** The seconds until an unused token may be used, if the limit rejects it. */
  readonly seconds: number | null;
  /** The hash of the successor, if a retry may still receive it. */
  readonly successorHash: Uint8Array | null;
}

/**
 * Handles a token that could not be rotated. A client that lost the response may retry within REFRESH_RETRY_WINDOW and receives the same
 * successor again. Any other use of a used token is reuse: it revokes the session.
 */
async function replayOrDetectReuse(context: Context, refreshToken: string): Promise<Rotation> {
  const stored = await findToken(context, refreshToken);
  if (stored?.seconds) throw rateLimitError(context, 'refreshBySession', stored.seconds);
  if (!stored?.nonce) throw await rejectToken(context);
  const { successorHash } = stored;
  const next = deriveNextRefreshTokens(context.keys, refreshToken, stored.nonce).find(
    (candidate) => successorHash && hashToken(candidate).equals(successorHash),
  );
  if (next) return { session: stored, next };
  throw await revokeReusedSession(context, stored.id);
}

async function findToken({ db, config }: Context, refreshToken: string): Promise<StoredToken | undefined> {
  const continues = mayContinue(config.REQUIRE_EMAIL_CONFIRMATION);
  const [stored] = await db.query<StoredToken>(sql`
    select t.id, t."userId", t."authenticatedAt", t."expiresAt", t."idleExpiresAt", now() as now, s.nonce,
      case when s."usedAt" is null and ${continues} and not ${isWithinLimit}
        then ceil(extract(epoch from t."refreshWindowAt" - now()))::int end as seconds,
      case when next."usedAt" is null and ${continues}
        and s."usedAt" > now() - ${interval(config.REFRESH_RETRY_WINDOW)} then next.hash end as "successorHash"
    from "TokenSecret" s join "Token" t on t.id = s."tokenId" join "User" u on u.id = t."userId"
      left join "TokenSecret" next on next."parentHash" = s.hash
    where s.hash = ${hashToken(refreshToken)}::bytea`);
  return stored;
}

/** Committed although the request fails, so that the thief's latest token is revoked too (security.md 6.2). Returns the error to throw. */
async function revokeReusedSession(context: Context, id: string) {
  const cause = { reason: 'REUSE_DETECTED', initiator: 'POLICY', actor: null, work: context } as const;
  const revoked = await revokeTokens(context.db, sql`t.id = ${id}::uuid`, cause);
  if (revoked.length === 0) return graphqlError('INVALID_TOKEN');
  context.log.warn(
    { event: 'authn_token_reuse', tokenId: id, network: context.client.network },
    'a refresh token was used twice; its session is revoked',
  );
  return graphqlError('TOKEN_REUSED');
}

/** Counts an invalid token against the network of the client. Returns the error to throw. */
async function rejectToken(context: Context) {
  await consume(context, { badTokenByNetwork: context.client.network });
  return graphqlError('INVALID_TOKEN');
}
