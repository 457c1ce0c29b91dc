import { type Database, onTransaction, type Sql, sql, type Tx } from '../../database/database.ts';
import type { Initiator, Prisma, RevocationReason, TokenKind } from '../../database/generated/prisma/client.ts';
import { requestError } from '../../errors.ts';
import { insertNotice, requestOriginJson } from '../../mail/outbox.ts';
import { actorColumns, insertAuditEvents } from '../audit/record-event.ts';
import { hasNotEnded } from '../live-token.ts';
import type { UnitOfWork } from '../unit-of-work.ts';
import type { Viewer } from '../viewer.ts';
import { channels } from './revocation-channel.ts';

type Query = Pick<Database, 'query'>;

/** The reason and the initiator of a revocation. */
export interface RevocationCause {
  readonly reason: RevocationReason;
  readonly initiator: Initiator;
  readonly actor: Viewer | null;
  readonly work: UnitOfWork;
}

/** The cause if a viewer revokes tokens of this user: of their own account, or as an administrator. */
export function revocationBy(viewer: Viewer, userId: string, work: UnitOfWork): RevocationCause {
  const own = userId === viewer.user.id;
  return { reason: own ? 'USER_REVOKED' : 'ADMIN_REVOKED', initiator: own ? 'USER' : 'ADMIN', actor: viewer, work };
}

/**
 * Revokes every token that has not ended and matches the condition on "Token" t. Atomic: one statement marks the tokens, appends to the revocation log, records
 * audit events, queues emails and notifies the nodes. Tokens revoked before are unchanged. Returns the ids of the tokens revoked now.
 */
export async function revokeTokens({ query }: Query, where: Sql, cause: RevocationCause): Promise<string[]> {
  const { reason, initiator, actor, work } = cause;
  const { client, events } = work;
  const isReuse = reason === 'REUSE_DETECTED';
  const audit = insertAuditEvents(client, {
    action: 'session_revoked',
    reason,
    userId: sql`"userId"`,
    domainId: sql`"domainId"`,
    targetType: 'Token',
    targetId: sql`id`,
    ...actorColumns(actor),
    from: sql`revoked`,
  });
  // Lock order: token id ascending, so that two revocations of the same tokens do not deadlock. Sessions past their idle end are locked too: a refresh
  // that has not committed yet may have extended them. Whether a token has ended is decided by its row after the wait.
  const rows = await query<{ id: string }>(sql`
    with target as (
      select t.id, t."idleExpiresAt" from "Token" t where (${where}) and t."revokedAt" is null and t."expiresAt" > now()
      order by t.id for no key update of t
    ), revoked as (
      update "Token" t set "revokedAt" = clock_timestamp(), "revokedReason" = ${reason}::"RevocationReason",
        "reuseAt" = case when ${isReuse}::bool then now() end, "reuseFrom" = case when ${isReuse}::bool then ${client.network} end
      from target where t.id = target.id and target."idleExpiresAt" > clock_timestamp()
      returning t.id, t.kind, t."userId", t."domainId", t."revokedAt"
    ), log as (
      insert into "TokenRevocation" ("tokenId", kind, "userId", "domainId", reason, initiator, "actorId", "revokedAt")
      select id, kind, "userId", "domainId", ${reason}::"RevocationReason", ${initiator}::"Initiator", ${actor?.user.id ?? null}::uuid, "revokedAt" from revoked
    ), audit as (${audit}), email as (
      ${insertNotice('tokenReused', requestOriginJson(client), { userId: sql`revoked."userId"`, from: sql`revoked`, where: sql`${isReuse}::bool` })}
    )
    select id::text, case when current_setting('fieldgate.notify', true) is distinct from 'off' then pg_notify(${channels.tokenRevoked}, '')::text end
    from revoked`);
  if (rows.length > 0) events.tokenRevoked = true;
  return rows.map((row) => row.id);
}

/** Which tokens of a user to revoke. */
interface UserTokens {
  readonly kind?: TokenKind;
  readonly exceptId?: string | null | undefined;
}

/** Ends the logins of a user that are in progress: a password that was verified before creates no session afterwards. The caller must have locked the user. */
export const endPendingLogins = (tx: Tx, userId: string) =>
  tx.$executeRaw(sql`update "User" set "accessVersion" = "accessVersion" + 1 where id = ${userId}::uuid`);

/**
 * Ends the logins of a user into domains that are in progress, and no others: touches the grants that match, those by which the user may enter
 * the domains. The caller must have locked the user.
 */
export const endPendingEntries = (tx: Tx, userId: string, where: Prisma.RoleGrantWhereInput) =>
  tx.roleGrant.updateMany({ where: { AND: [where, { userId }] }, data: { userId } });

/** Revokes tokens of a user, all of them by default, and ends their pending logins. The caller must have locked the user. */
export async function revokeUserTokens(
  tx: Tx,
  userId: string,
  cause: RevocationCause,
  { kind, exceptId }: UserTokens = {},
): Promise<string[]> {
  await endPendingLogins(tx, userId);
  const ofKind = kind ? sql`t.kind = ${kind}::"TokenKind"` : sql`true`;
  const where = sql`t."userId" = ${userId}::uuid and ${ofKind} and t.id is distinct from ${exceptId ?? null}::uuid`;
  return revokeTokens(onTransaction(tx), where, cause);
}

/** Locks a session until the transaction ends. Throws TOKEN_REVOKED if it is no longer live (security.md 7.9). */
export async function lockSession(tx: Tx, id: string): Promise<void> {
  const live = await tx.$queryRaw<unknown[]>(sql`select 1 from "Token" t where t.id = ${id}::uuid and ${hasNotEnded} for no key update`);
  if (live.length === 0) throw requestError('TOKEN_REVOKED');
}
