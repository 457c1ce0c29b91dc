import { sql } from '../../database/database.ts';
import type { Token as TokenRow } from '../../database/generated/prisma/client.ts';
import { graphqlError, requestError } from '../../errors.ts';
import { builder } from '../../graphql/builder.ts';
import { type Context, switchViewer } from '../../graphql/context.ts';
import { signAccessToken } from '../../identity/tokens/access-token.ts';
import { generateToken, hashToken } from '../../identity/tokens/opaque-token.ts';
import { insertSession, type NewSession, revokeTokens } from '../../identity/tokens/sessions.ts';
import type { Viewer } from '../../identity/viewer.ts';
import { anyone } from '../../policy/conditions.ts';
import { Token } from '../token/token.ts';
import { User } from '../user/user.ts';

interface SessionShape {
  accessToken: string;
  expiresAt: Date;
  refreshToken: string;
  refreshExpiresAt: Date;
  /** The session and its owner. Null if the operation selects neither. */
  viewer: Viewer | null;
}

/** What somebody gets who has proven who they are. */
export const Session = builder.objectRef<SessionShape>('Session').implement({
  description: 'What somebody gets who has proven who they are.',
  access: anyone('it answers the proof that the caller has just given'),
  isTypeOf: (value) => typeof value === 'object' && value !== null && 'accessToken' in value,
  fields: (t) => ({
    accessToken: t.exposeString('accessToken', { nullable: false, description: 'The bearer token of further requests, for some minutes.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: false, description: 'When the access token ends.' }),
    refreshToken: t.exposeString('refreshToken', { description: 'What `refresh` exchanges, once, for the next pair.' }),
    refreshExpiresAt: t.expose('refreshExpiresAt', {
      type: 'DateTime',
      nullable: false,
      description: 'When the session ends unless it is refreshed before, and at the latest.',
    }),
    token: t.field({
      type: Token,
      nullable: false,
      description: 'The session as its owner lists it.',
      resolve: ({ viewer }) => viewer?.token as never,
    }),
    user: t.field({
      type: User,
      nullable: false,
      description: 'Who is signed in.',
      resolve: ({ viewer }) => viewer?.user as never,
    }),
  }),
});

const mostSessions = 20; // security.md F32

/**
 * Opens a session and switches the rest of the operation to its owner. Revokes the session that the request presented (security.md 2.2)
 * and, above the limit, the sessions that have been unused for longest.
 */
export async function createSession(
  context: Context,
  opening: Omit<NewSession, 'secretHash' | 'client' | 'config'>,
): Promise<SessionShape> {
  const { db, client, config } = context;
  const ended = await endPresented(context);
  // What takes the place of a session claims it first: not once it was ended meanwhile, and not twice.
  if (opening.expiresAt && !ended) throw requestError('TOKEN_REVOKED');
  const refreshToken = generateToken('refresh');
  const id = await insertSession(db, { ...opening, secretHash: hashToken(refreshToken), client, config });
  if (!id) throw graphqlError('ACCOUNT_DISABLED');
  await endOldest(context, opening.userId);
  const viewer = await enterSession(context, id);
  return issueTokens(context, viewer.token, refreshToken, viewer);
}

/** The columns that tokens are issued from. */
export type SessionRow = Pick<TokenRow, 'id' | 'userId' | 'authenticatedAt' | 'expiresAt' | 'idleExpiresAt'>;

/** Issues an access token for the session. */
export async function issueTokens(
  context: Context,
  session: SessionRow,
  refreshToken: string,
  viewer: Viewer | null,
): Promise<SessionShape> {
  const refreshExpiresAt = new Date(Math.min(session.idleExpiresAt.getTime(), session.expiresAt.getTime()));
  return { ...(await signAccessToken(context, session)), refreshToken, refreshExpiresAt, viewer };
}

/** Switches the rest of the operation to the owner of the session. */
export async function enterSession(context: Context, id: string): Promise<Viewer> {
  if (context.viewer?.token.id === id) return context.viewer;
  const identified = await context.loadViewer.load({ sid: id });
  if (!identified || identified.rejection) throw graphqlError(identified?.rejection ?? 'INVALID_TOKEN');
  switchViewer(context, identified.viewer);
  return identified.viewer;
}

/** Whether it ended now. */
async function endPresented(context: Context): Promise<boolean> {
  const { viewer, db } = context;
  if (viewer?.token.kind !== 'SESSION') return false;
  const ended = await revokeTokens(db, sql`t.id = ${viewer.token.id}::uuid`, {
    reason: 'REAUTHENTICATED',
    initiator: 'USER',
    actor: viewer,
    work: context,
  });
  return ended.length > 0;
}

/** Asked after each opening, in a statement of its own: one that counted while it opened would not see those that open beside it. */
const endOldest = (context: Context, userId: string) =>
  revokeTokens(
    context.db,
    sql`t.id in (select id from "Token" where "userId" = ${userId}::uuid and kind = 'SESSION' and "revokedAt" is null
      and "expiresAt" > now() and "idleExpiresAt" > now() order by "lastUsedAt" desc offset ${mostSessions})`,
    { reason: 'SESSION_LIMIT', initiator: 'POLICY', actor: null, work: context },
  );
