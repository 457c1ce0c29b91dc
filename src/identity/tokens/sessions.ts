import type { Config } from '../../config.ts';
import { type Database, interval, onTransaction, type Sql, sql, type Tx } from '../../database/database.ts';
import type { Initiator, Prisma, RevocationReason, TokenKind } from '../../database/generated/prisma/client.ts';
import { requestError } from '../../errors.ts';
import type { ClientInfo } from '../../lib/client-info.ts';
import { insertNotice, requestOrigin } from '../../mail/outbox.ts';
import { actorColumns, insertAuditEvents } from '../audit/record-event.ts';
import { hasNotEnded } from '../live-token.ts';
import type { PasswordProof } from '../password-proof.ts';
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
      ${insertNotice('tokenReused', requestOrigin(client), { userId: sql`revoked."userId"`, from: sql`revoked`, where: sql`${isReuse}::bool` })}
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

/** The version of the grants that let a user enter a domain. Any write to one of them changes it. */
export const entryVersion = (userId: Sql, domainId: Sql) => sql`(
  select string_agg(concat_ws(':', g.id, g.xmin), ' ' order by g.id) from "RoleGrant" g
  where g.id in (select id from domain_entry_grants(${userId}, ${domainId})))`;

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

/** The values of a new session. Durations are milliseconds. */
export interface NewSession {
  readonly userId: string;
  readonly domainId: string | null;
  readonly description: string | null;
  readonly secretHash: Uint8Array;
  readonly client: ClientInfo;
  readonly config: Pick<Config, 'REFRESH_TOKEN_TTL' | 'REFRESH_TOKEN_IDLE' | 'REQUIRE_EMAIL_CONFIRMATION'>;
  /** The password that was verified; null for a command on the server, which requires none. */
  readonly proof: PasswordProof | null;
  /** The expiry of the session that this one replaces: reauthentication never extends it. */
  readonly expiresAt?: Date;
  /** How the user authenticated, for the audit event. */
  readonly action: 'authn_login_success' | 'authn_reauthenticate_success' | 'authn_command';
}

/** Inserts the session of a login into a domain. Locks the user before the statement, which then sees the grants as the last holder of the lock has left them. */
export async function insertDomainSession(tx: Tx, session: NewSession): Promise<string | undefined> {
  await tx.$queryRaw(sql`select 1 from "User" where id = ${session.userId}::uuid for no key update`);
  return insertSession(onTransaction(tx), session);
}

/**
 * Inserts a session if all that was checked before still holds: the password, the state of the account, the confirmation of its address and the
 * access to the domain. Atomic: one statement, which locks what these depend on before it decides (docs/decisions/0030). Returns the id of the
 * session, or undefined if one of them no longer holds.
 * Queues an email on a login from a new network and agent, at most three per hour (security.md 2.7, F19).
 */
export async function insertSession({ query }: Query, session: NewSession): Promise<string | undefined> {
  const { userId, domainId, description, secretHash, client, config, expiresAt = null, action } = session;
  const isLogin = action === 'authn_login_success';
  const audit = insertAuditEvents(client, {
    action,
    userId: sql`"userId"`,
    domainId: sql`${domainId}::uuid`,
    targetType: 'Token',
    targetId: sql`id`,
    actorId: sql`"userId"`,
    actorTokenId: sql`id`,
    from: sql`session`,
  });
  const isNewOrigin = sql`
    ${isLogin}::bool and "loginCount" > 1 and not exists (
      select 1 from "Token" known where known."userId" = account.id and known.kind = 'SESSION'
        and known."createdFrom" = ${client.network} and known."userAgent" is not distinct from ${client.agent})`;
  const [row] = await query<{ id: string }>(sql`
    with account as (
      update "User" set "loginCount" = "loginCount" + ${isLogin ? 1 : 0}::int,
        "lastLoginAt" = case when ${isLogin}::bool then coalesce("currentLoginAt", now()) else "lastLoginAt" end,
        "lastLoginFrom" = case when ${isLogin}::bool then coalesce("currentLoginFrom", ${client.network}) else "lastLoginFrom" end,
        "currentLoginAt" = case when ${isLogin}::bool then now() else "currentLoginAt" end,
        "currentLoginFrom" = case when ${isLogin}::bool then ${client.network} else "currentLoginFrom" end
      where id = ${userId}::uuid and enabled and "deletedAt" is null and ${proofHolds(session)} returning id, "loginCount"
    ), session as (
      insert into "Token" (kind, "userId", "domainId", description, scopes, "lastUsedAt", "expiresAt", "idleExpiresAt", "createdFrom", "userAgent")
      select 'SESSION', id, ${domainId}::uuid, ${description}, '{}', now(), least(now() + ${interval(config.REFRESH_TOKEN_TTL)}, ${expiresAt}::timestamptz),
        now() + ${interval(config.REFRESH_TOKEN_IDLE)}, ${client.network}, ${client.agent} from account returning id, "userId"
    ), secret as (
      insert into "TokenSecret" (hash, "tokenId") select ${secretHash}::bytea, id from session
    ), audit as (${audit}), email as (
      ${insertNotice('newLogin', requestOrigin(client), { userId: sql`account.id`, from: sql`account`, where: isNewOrigin })}
    )
    select id::text from session`);
  return row?.id;
}

/** The condition on "User" that what the session is created by still holds. Without a proof, only the access to the domain is checked. */
function proofHolds({ userId, domainId, proof, config }: NewSession): Sql {
  const locked = sql`lock_login(${userId}::uuid, ${proof?.hash ?? null}, ${domainId}::uuid)`;
  if (!proof) return locked;
  const sameEntry =
    proof.entryVersion == null ? sql`true` : sql`${proof.entryVersion} = ${entryVersion(sql`${userId}::uuid`, sql`${domainId}::uuid`)}`;
  return sql`"accessVersion" = ${proof.accessVersion} and ${sameEntry} and ("emailConfirmedAt" is not null or not ${config.REQUIRE_EMAIL_CONFIRMATION}::bool) and ${locked}`;
}
