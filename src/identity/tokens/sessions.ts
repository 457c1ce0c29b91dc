import type { Config } from '../../config.ts';
import { type Database, interval, type Sql, sql } from '../../database/database.ts';
import type { Initiator, RevocationReason } from '../../database/generated/prisma/client.ts';
import type { ClientInfo } from '../../lib/client-info.ts';
import { requestOrigin } from '../../mail/outbox.ts';
import type { UnitOfWork } from '../unit-of-work.ts';
import type { Viewer } from '../viewer.ts';
import { channels } from './revocation-channel.ts';

type Query = Pick<Database, 'query'>;

/** Why tokens end, and who brings it about. */
export interface RevocationCause {
  readonly reason: RevocationReason;
  readonly initiator: Initiator;
  readonly actor: Viewer | null;
  readonly work: UnitOfWork;
}

/** That the viewer ends tokens of this user: their own, or as an administrator. */
export function revocationBy(viewer: Viewer, userId: string, work: UnitOfWork): RevocationCause {
  const own = userId === viewer.user.id;
  return { reason: own ? 'USER_REVOKED' : 'ADMIN_REVOKED', initiator: own ? 'USER' : 'ADMIN', actor: viewer, work };
}

/**
 * Ends every live token that the condition on "Token" t finds, in one statement: the mark, the record that subscribers follow, the audit
 * and the wake-up. What was ended before stays as it was. Answers the ids of the tokens that ended now.
 */
export async function revokeTokens({ query }: Query, which: Sql, ending: RevocationCause): Promise<string[]> {
  const { reason, initiator, actor, work } = ending;
  const { client, events } = work;
  const isReuse = reason === 'REUSE_DETECTED';
  const rows = await query<{ id: string }>(sql`
    with ended as (
      update "Token" t set "revokedAt" = now(), "revokedReason" = ${reason}::"RevocationReason",
        "reuseAt" = case when ${isReuse}::bool then now() end, "reuseFrom" = case when ${isReuse}::bool then ${client.network} end
      where (${which}) and t."revokedAt" is null and t."expiresAt" > now()
      returning t.id, t.kind, t."userId", t."domainId"
    ), logged as (
      insert into "TokenRevocation" ("tokenId", kind, "userId", "domainId", reason, initiator, "actorId")
      select id, kind, "userId", "domainId", ${reason}::"RevocationReason", ${initiator}::"Initiator", ${actor?.user.id ?? null}::uuid from ended
    ), audited as (
      insert into "AuditEvent" (action, result, reason, "userId", "domainId", "targetType", "targetId", "actorId", "actorTokenId", network, agent, "requestId")
      select 'session_revoked', 'ok', ${reason}, "userId", "domainId", 'Token', id, ${actor?.user.id ?? null}::uuid, ${actor?.token.id ?? null}::uuid,
        ${client.network}, ${client.agent}, ${client.requestId} from ended
    ), told as (
      insert into "Mail" (letter, "userId", facts) select 'tokenReused', "userId", ${JSON.stringify(requestOrigin(client))}::jsonb
      from ended where ${isReuse}::bool
    )
    select id::text, case when current_setting('fieldgate.notify', true) is distinct from 'off' then pg_notify(${channels.tokenRevoked}, '')::text end
    from ended`);
  if (rows.length > 0) events.tokenRevoked = true;
  return rows.map((row) => row.id);
}

/** What a new session is made of. Durations are milliseconds. */
export interface NewSession {
  readonly userId: string;
  readonly domainId: string | null;
  readonly description: string | null;
  readonly secretHash: Uint8Array;
  readonly client: ClientInfo;
  readonly config: Pick<Config, 'REFRESH_TOKEN_TTL' | 'REFRESH_TOKEN_IDLE'>;
  /** When the session that this one replaces ends; a new proof never prolongs it. */
  readonly expiresAt?: Date;
  /** How the owner proved who they are, for the audit. */
  readonly action: 'authn_login_success' | 'authn_reauthenticate_success' | 'authn_command';
}

/**
 * Opens a session for a user who is enabled and not deleted at that moment, in one statement. Answers its id; undefined if not. The owner is told of a login
 * from where there was none before, at most three times an hour (security.md 2.7, F19).
 */
export async function insertSession({ query }: Query, opening: NewSession): Promise<string | undefined> {
  const { userId, domainId, description, secretHash, client, config, expiresAt = null, action } = opening;
  const login = action === 'authn_login_success';
  const [opened] = await query<{ id: string }>(sql`
    with who as (
      update "User" set "loginCount" = "loginCount" + ${login ? 1 : 0}::int,
        "lastLoginAt" = case when ${login}::bool then coalesce("currentLoginAt", now()) else "lastLoginAt" end,
        "lastLoginFrom" = case when ${login}::bool then coalesce("currentLoginFrom", ${client.network}) else "lastLoginFrom" end,
        "currentLoginAt" = case when ${login}::bool then now() else "currentLoginAt" end,
        "currentLoginFrom" = case when ${login}::bool then ${client.network} else "currentLoginFrom" end
      where id = ${userId}::uuid and enabled and "deletedAt" is null returning id, "loginCount"
    ), opened as (
      insert into "Token" (kind, "userId", "domainId", description, scopes, "lastUsedAt", "expiresAt", "idleExpiresAt", "createdFrom", "userAgent")
      select 'SESSION', id, ${domainId}::uuid, ${description}, '{}', now(), least(now() + ${interval(config.REFRESH_TOKEN_TTL)}, ${expiresAt}::timestamptz),
        now() + ${interval(config.REFRESH_TOKEN_IDLE)}, ${client.network}, ${client.agent} from who returning id, "userId"
    ), secret as (
      insert into "TokenSecret" (hash, "tokenId") select ${secretHash}::bytea, id from opened
    ), audited as (
      insert into "AuditEvent" (action, result, "userId", "domainId", "targetType", "targetId", "actorId", "actorTokenId", network, agent, "requestId")
      select ${action}, 'ok', "userId", ${domainId}::uuid, 'Token', id, "userId", id, ${client.network}, ${client.agent}, ${client.requestId} from opened
    ), told as (
      insert into "Mail" (letter, "userId", facts) select 'newLogin', who.id, ${JSON.stringify(requestOrigin(client))}::jsonb
      from who where ${login}::bool and "loginCount" > 1 and not exists (
        select 1 from "Token" known where known."userId" = who.id and known.kind = 'SESSION'
          and known."createdFrom" = ${client.network} and known."userAgent" is not distinct from ${client.agent}
      ) and 3 > (select count(*) from "Mail" m where m."userId" = who.id and m.letter = 'newLogin' and m."createdAt" > now() - interval '1 h')
    )
    select id::text from opened`);
  return opened?.id;
}
