import { onTransaction, sql, type Tx } from '../../database/database.ts';
import { graphqlError, requestError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type Context, switchViewer } from '../../graphql/context.ts';
import { hasNotEnded } from '../../identity/live-token.ts';
import { type IssuingSession, signAccessToken } from '../../identity/tokens/access-token.ts';
import { generateToken, hashToken } from '../../identity/tokens/opaque-token.ts';
import { insertDomainSession, insertSession, type NewSession, revokeTokens } from '../../identity/tokens/sessions.ts';
import type { Viewer } from '../../identity/viewer.ts';
import { anyone } from '../../policy/conditions.ts';
import { Token } from '../token/token.ts';
import { User } from '../user/user.ts';

const maxSessions = 20; // per user; security.md F32

interface SessionShape {
  accessToken: string;
  expiresAt: Date;
  refreshToken: string;
  refreshExpiresAt: Date;
  /** The session and its owner. Null if the operation selects neither. */
  viewer: Viewer | null;
}

export const Session = builder.objectRef<SessionShape>('Session').implement({
  description: 'The result of a successful authentication.',
  access: anyone('it is the response to the credentials that the caller has presented'),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'accessToken' in value,
  fields: (t) => ({
    accessToken: t.exposeString('accessToken', { nullable: false, description: 'The short-lived bearer token for API requests.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: false, description: 'Expiry of the access token.' }),
    refreshToken: t.exposeString('refreshToken', {
      nullable: false,
      description: 'The single-use token that `refresh` exchanges for the next pair of tokens.',
    }),
    refreshExpiresAt: t.expose('refreshExpiresAt', {
      type: 'DateTime',
      nullable: false,
      description:
        'Expiry of the session unless it is refreshed before then. No refresh extends it beyond the maximum lifetime of the session.',
    }),
    token: t.field({
      type: Token,
      nullable: false,
      description: 'The session as listed in `User.tokens`.',
      resolve: ({ viewer }) => viewer?.token as never,
    }),
    user: t.field({
      type: User,
      nullable: false,
      description: 'The authenticated user.',
      resolve: ({ viewer }) => viewer?.user as never,
    }),
  }),
});

/**
 * Creates a session and switches the rest of the operation to its owner. Revokes the session that the request presented (security.md 2.2)
 * and, above the limit, the sessions that have been unused for longest. Returns undefined, and changes nothing, if what was checked before no
 * longer holds.
 */
export async function createSession(
  context: Context,
  values: Omit<NewSession, 'secretHash' | 'client' | 'config'>,
): Promise<SessionShape | undefined> {
  const { db, client, config, viewer: presented } = context;
  const refreshToken = generateToken('refresh');
  const session: NewSession = { ...values, secretHash: hashToken(refreshToken), client, config };
  const id = await (presented?.token.kind === 'SESSION'
    ? db.prisma.$transaction((tx) => replaceSession(tx, context, presented, session))
    : session.domainId
      ? db.prisma.$transaction((tx) => insertDomainSession(tx, session))
      : insertSession(db, session));
  if (!id) return undefined;
  await enforceSessionLimit(context, session.userId);
  const viewer = await enterSession(context, { id, userId: session.userId });
  return issueTokens(context, { ...viewer.token, now: viewer.now }, refreshToken, viewer);
}

/** Issues an access token for the session. */
export async function issueTokens(
  context: Context,
  session: IssuingSession,
  refreshToken: string,
  viewer: Viewer | null,
): Promise<SessionShape> {
  const refreshExpiresAt = new Date(Math.min(session.idleExpiresAt.getTime(), session.expiresAt.getTime()));
  return { ...(await signAccessToken(context, session)), refreshToken, refreshExpiresAt, viewer };
}

/** Switches the rest of the operation to the owner of the session. */
export async function enterSession(context: Context, { id, userId }: Pick<IssuingSession, 'id' | 'userId'>): Promise<Viewer> {
  if (context.viewer?.token.id === id) return context.viewer;
  const result = await context.loadViewer.load({ sid: id, sub: userId });
  if (!result || result.rejection) throw graphqlError(result?.rejection ?? 'INVALID_TOKEN');
  switchViewer(context, result.viewer);
  return result.viewer;
}

/** Inserts the session and revokes the presented one. A session that keeps its expiry is the successor of that one, which must be live: throws TOKEN_REVOKED. */
async function replaceSession(tx: Tx, context: Context, presented: Viewer, session: NewSession): Promise<string | undefined> {
  const { id: presentedId } = presented.token;
  const id = await insertDomainSession(tx, session);
  const cause = { reason: 'REAUTHENTICATED', initiator: 'USER', actor: presented, work: context } as const;
  const wasLive = id
    ? (await revokeTokens(onTransaction(tx), sql`t.id = ${presentedId}::uuid`, cause)).length > 0
    : (await tx.token.count({ where: { id: presentedId, revokedAt: null } })) > 0;
  if (session.expiresAt && !wasLive) throw requestError('TOKEN_REVOKED');
  return id;
}

/** Runs after the insert as a separate statement: within the same statement, concurrent logins would not see each other's sessions. */
async function enforceSessionLimit(context: Context, userId: string): Promise<void> {
  const excess = sql`t.id in (
    select t.id from "Token" t where t."userId" = ${userId}::uuid and t.kind = 'SESSION' and ${hasNotEnded}
    order by t."lastUsedAt" desc offset ${maxSessions})`;
  await revokeTokens(context.db, excess, { reason: 'SESSION_LIMIT', initiator: 'POLICY', actor: null, work: context });
}
