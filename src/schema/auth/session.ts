import { type GraphQLResolveInfo, Kind } from 'graphql';
import { onTransaction, sql, type Tx } from '../../database/database.ts';
import { graphqlError, requestError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type Context, switchViewer } from '../../graphql/context.ts';
import { hasNotEnded } from '../../identity/live-token.ts';
import { type InsertedSession, insertDomainSession, insertSession, type NewSession } from '../../identity/logins/insert-session.ts';
import { type IssuingSession, signAccessToken } from '../../identity/tokens/access-token.ts';
import { generateToken, hashToken } from '../../identity/tokens/opaque-token.ts';
import { revokeTokens } from '../../identity/tokens/sessions.ts';
import type { Viewer } from '../../identity/viewer.ts';
import { selectedFields } from '../../lib/selections.ts';
import { anyone } from '../../policy/conditions.ts';
import { Token } from '../token/token.ts';
import { User } from '../user/user.ts';

const maxSessions = 20; // per user; security.md F32
const uncounted = 2; // sessions that a command or a registration inserts beside a login, which may not see them

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

/** A session that was inserted, with its refresh token. */
export interface OpenedSession {
  readonly session: InsertedSession;
  readonly refreshToken: string;
}

/** `openSession`, then `enterOpenedSession`. */
export async function createSession(context: Context, values: SessionValues): Promise<SessionShape | undefined> {
  const opened = await openSession(context, values);
  return opened && enterOpenedSession(context, opened);
}

type SessionValues = Omit<NewSession, 'secretHash' | 'client' | 'config'>;

/**
 * Inserts a session, and revokes the one that the request presented (security.md 2.2). Returns undefined, and changes nothing, if what was checked
 * before no longer holds.
 */
export async function openSession(context: Context, values: SessionValues): Promise<OpenedSession | undefined> {
  const { db, client, config, viewer: presented } = context;
  const refreshToken = generateToken('refresh');
  const newSession: NewSession = { ...values, secretHash: hashToken(refreshToken), client, config };
  const session = await (presented?.token.kind === 'SESSION'
    ? db.prisma.$transaction((tx) => replaceSession(tx, context, presented, newSession))
    : newSession.domainId
      ? db.prisma.$transaction((tx) => insertDomainSession(tx, newSession))
      : insertSession(db, newSession));
  return session && { session, refreshToken };
}

/** Revokes, above the limit, the sessions of the user that have been unused for longest, and enters the new one. */
export async function enterOpenedSession(context: Context, { session, refreshToken }: OpenedSession, isViewerNeeded = true) {
  if (session.sessions > maxSessions - uncounted) await enforceSessionLimit(context, session.userId);
  return enterSession(context, session, refreshToken, isViewerNeeded);
}

/** Issues an access token for the session and, if the viewer is needed, switches the rest of the operation to the owner. */
export async function enterSession(
  context: Context,
  session: IssuingSession,
  refreshToken: string,
  isViewerNeeded: boolean,
): Promise<SessionShape> {
  context.enteredSession = session;
  const refreshExpiresAt = new Date(Math.min(session.idleExpiresAt.getTime(), session.expiresAt.getTime()));
  const viewer = isViewerNeeded ? await loadOwner(context, session) : null;
  if (viewer && viewer !== context.viewer) switchViewer(context, viewer);
  return { ...signAccessToken(context, session), refreshToken, refreshExpiresAt, viewer };
}

async function loadOwner(context: Context, { id, userId }: IssuingSession): Promise<Viewer> {
  if (context.viewer?.token.id === id) return context.viewer;
  const result = await context.loadViewer.load({ sid: id, sub: userId });
  if (!result || result.rejection) throw graphqlError(result?.rejection ?? 'INVALID_TOKEN');
  return result.viewer;
}

/** True if the operation selects the session or its owner, or if fields follow, which run as the owner. */
export function needsViewer({ schema, fragments, variableValues: variables, fieldNodes, operation }: GraphQLResolveInfo): boolean {
  const { selections } = operation.selectionSet;
  if (selections.length > 1 || selections[0]?.kind !== Kind.FIELD) return true;
  const fields = fieldNodes.flatMap((node) => selectedFields({ schema, fragments, variables }, node.selectionSet, 'Session'));
  return fields.some(({ node }) => node.name.value === 'user' || node.name.value === 'token');
}

/** Inserts the session and revokes the presented one. A session that keeps its expiry is the successor of that one, which must be live: throws TOKEN_REVOKED. */
async function replaceSession(tx: Tx, context: Context, presented: Viewer, session: NewSession) {
  const { id: presentedId } = presented.token;
  const inserted = await insertDomainSession(tx, session);
  const cause = { reason: 'REAUTHENTICATED', initiator: 'USER', actor: presented, work: context } as const;
  const wasLive = inserted
    ? (await revokeTokens(onTransaction(tx), sql`t.id = ${presentedId}::uuid`, cause)).length > 0
    : (await tx.token.count({ where: { id: presentedId, revokedAt: null } })) > 0;
  if (session.expiresAt && !wasLive) throw requestError('TOKEN_REVOKED');
  return inserted;
}

/** Runs after the insert as a separate statement: within the same statement, concurrent logins would not see each other's sessions. */
async function enforceSessionLimit(context: Context, userId: string): Promise<void> {
  const excess = sql`t.id in (
    select t.id from "Token" t where t."userId" = ${userId}::uuid and t.kind = 'SESSION' and ${hasNotEnded}
    order by t."lastUsedAt" desc offset ${maxSessions})`;
  await revokeTokens(context.db, excess, { reason: 'SESSION_LIMIT', initiator: 'POLICY', actor: null, work: context });
}
