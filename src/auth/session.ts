import { anyone } from '../access/vocabulary.ts';
import { builder } from '../builder.ts';
import { become, type Context } from '../context.ts';
import { type Database, sql } from '../db.ts';
import { failure } from '../errors.ts';
import type { Token as TokenRow, User as UserRow } from '../generated/prisma/client.ts';
import { signAccessToken } from '../token/jwt.ts';
import { type Opening, openSession, revoke } from '../token/lifecycle.ts';
import { hashOf, newSecret } from '../token/secret.ts';
import { Token } from '../token/token.ts';
import { User } from '../user/user.ts';

interface SessionShape {
  accessToken: string;
  expiresAt: Date;
  refreshToken: string;
  token: TokenRow;
  user: UserRow;
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
    refreshExpiresAt: t.field({
      type: 'DateTime',
      nullable: false,
      description: 'When the session ends, however often it is refreshed; sooner if it is not used.',
      resolve: ({ token }) => new Date(Math.min(token.idleExpiresAt.getTime(), token.expiresAt.getTime())),
    }),
    token: t.field({
      type: Token,
      nullable: false,
      description: 'The session as its owner lists it.',
      resolve: ({ token }) => token as never,
    }),
    user: t.field({ type: User, nullable: false, description: 'Who is signed in.', resolve: ({ user }) => user as never }),
  }),
});

const mostSessions = 20; // security.md F32

/**
 * Opens a session and makes the rest of the operation ask as its owner. It ends the session that the request came with (security.md 2.2),
 * and the longest unused ones where there are too many.
 */
export async function startSession(context: Context, opening: Omit<Opening, 'secretHash' | 'client' | 'config'>): Promise<SessionShape> {
  const refreshToken = newSecret('refresh');
  const opened = await openSession(context.db, {
    ...opening,
    secretHash: hashOf(refreshToken),
    client: context.client,
    config: context.config,
  });
  if (!opened) throw failure('ACCOUNT_DISABLED');
  await endPresented(context);
  if (opened.others >= mostSessions) await endOldest(context.db, context, opening.userId);
  return enter(context, opened.id, refreshToken);
}

/** The session of that id with a new access token; the rest of the operation asks as its owner. */
export async function enter(context: Context, id: string, refreshToken: string): Promise<SessionShape> {
  const identified = await context.identify.load({ sid: id });
  if (!identified || identified.refused) throw failure(identified?.refused ?? 'INVALID_TOKEN');
  const { viewer } = identified;
  become(context, viewer);
  return { ...(await signAccessToken(context, viewer.token)), refreshToken, token: viewer.token, user: viewer.user };
}

async function endPresented({ viewer, client, db }: Context): Promise<void> {
  if (viewer?.token.kind !== 'SESSION') return;
  const actor = { id: viewer.user.id, tokenId: viewer.token.id };
  await revoke(db, sql`t.id = ${viewer.token.id}::uuid`, { reason: 'REAUTHENTICATED', initiator: 'USER', actor, client });
}

const endOldest = (db: Pick<Database, 'query'>, { client }: Context, userId: string) =>
  revoke(
    db,
    sql`t.id in (select id from "Token" where "userId" = ${userId}::uuid and kind = 'SESSION' and "revokedAt" is null and "expiresAt" > now()
      order by "lastUsedAt" desc offset ${mostSessions})`,
    { reason: 'SESSION_LIMIT', initiator: 'POLICY', actor: null, client },
  );
