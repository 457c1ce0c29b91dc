import type { Config } from '../../config.ts';
import { type Database, interval, onTransaction, type Sql, sql, type Tx } from '../../database/database.ts';
import { preparedStatement } from '../../database/prepared-statement.ts';
import type { ClientInfo } from '../../lib/client-info.ts';
import { insertNotice, requestOriginJson } from '../../mail/outbox.ts';
import { insertAuditEvents } from '../audit/record-event.ts';
import { type Counted, type CountedColumns, columnsOf, refundTables } from '../credentials/count-attempt.ts';
import { entryVersion } from '../grants/entry-version.ts';
import { hasNotEnded } from '../live-token.ts';
import type { PasswordProof } from '../password-proof.ts';
import type { IssuingSession } from '../tokens/access-token.ts';

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
  /** The limits that have counted the attempt, which is refunded. */
  readonly counted?: readonly Counted[];
  /** The expiry of the session that this one replaces: reauthentication never extends it. */
  readonly expiresAt?: Date;
  /** How the user authenticated, for the audit event. */
  readonly action: 'authn_login_success' | 'authn_reauthenticate_success' | 'authn_command';
}

/** A session as inserted. */
export interface InsertedSession extends IssuingSession {
  /** How many live sessions the user has with it, or more. Fewer only if a registration or a command inserts another one at the same time. */
  readonly sessions: number;
}

/** Inserts the session of a login into a domain. Locks the user before the statement, which then sees the grants as the last holder of the lock has left them. */
export async function insertDomainSession(tx: Tx, session: NewSession): Promise<InsertedSession | undefined> {
  await tx.$queryRaw(sql`select 1 from "User" where id = ${session.userId}::uuid for no key update`);
  return insertSession(onTransaction(tx), session);
}

/**
 * Inserts a session if all that was checked before still holds: the password, the state of the account, the confirmation of its address and the
 * access to the domain. Atomic: one statement, which locks what these depend on before it decides (docs/decisions/0030). Returns undefined if one of
 * them no longer holds.
 * Queues an email on a login from a new network and agent, at most three per hour (security.md 2.7, F19).
 */
export async function insertSession({ query }: Pick<Database, 'query'>, session: NewSession): Promise<InsertedSession | undefined> {
  const { userId, domainId, description, secretHash, client, config, proof, counted = [], expiresAt = null, action } = session;
  const values: InsertionValues = {
    ...client,
    ...columnsOf(counted),
    userId,
    domainId,
    description,
    secretHash,
    action,
    isLogin: action === 'authn_login_success',
    latestExpiry: expiresAt,
    lifetime: config.REFRESH_TOKEN_TTL,
    idle: config.REFRESH_TOKEN_IDLE,
    mustBeConfirmed: config.REQUIRE_EMAIL_CONFIRMATION,
    passwordHash: proof?.hash ?? null,
    accessVersion: proof?.accessVersion ?? null,
    entry: proof?.entryVersion ?? null,
  };
  const [inserted] = await query<InsertedSession>(insertion(values));
  return inserted;
}

interface InsertionValues
  extends Pick<NewSession, 'userId' | 'domainId' | 'description' | 'secretHash' | 'action'>,
    ClientInfo,
    CountedColumns {
  readonly isLogin: boolean;
  readonly latestExpiry: Date | null;
  readonly lifetime: number;
  readonly idle: number;
  readonly mustBeConfirmed: boolean;
  readonly passwordHash: string | null;
  readonly accessVersion: number | null;
  readonly entry: string | null;
}

const insertion = preparedStatement<InsertionValues>('insert-session', (values) => {
  const { userId, domainId, description, secretHash, isLogin, latestExpiry, lifetime, idle, network, agent } = values;
  return sql`
    with account as (
      update "User" set "loginCount" = "loginCount" + ${isLogin}::bool::int,
        "lastLoginAt" = case when ${isLogin}::bool then coalesce("currentLoginAt", now()) else "lastLoginAt" end,
        "lastLoginFrom" = case when ${isLogin}::bool then coalesce("currentLoginFrom", ${network}) else "lastLoginFrom" end,
        "currentLoginAt" = case when ${isLogin}::bool then now() else "currentLoginAt" end,
        "currentLoginFrom" = case when ${isLogin}::bool then ${network} else "currentLoginFrom" end
      where id = ${userId}::uuid and enabled and "deletedAt" is null and ${proofHolds(values)} returning id, "loginCount"
    ), session as (
      insert into "Token" (kind, "userId", "domainId", description, scopes, "lastUsedAt", "expiresAt", "idleExpiresAt", "createdFrom", "userAgent")
      select 'SESSION', id, ${domainId}::uuid, ${description}, '{}', now(), least(now() + ${interval(lifetime)}, ${latestExpiry}::timestamptz),
        now() + ${interval(idle)}, ${network}, ${agent} from account
      returning id, "userId", "authenticatedAt", "expiresAt", "idleExpiresAt"
    ), secret as (
      insert into "TokenSecret" (hash, "tokenId") select ${secretHash}::bytea, id from session
    ), audit as (${auditEvent(values)}), email as (
      ${insertNotice('newLogin', requestOriginJson(values), { userId: sql`account.id`, from: sql`account`, where: isNewOrigin(values) })}
    ), ${refundTables(values, sql`exists (select from session)`)}
    select id::text, "userId"::text, "authenticatedAt", "expiresAt", "idleExpiresAt", now() as now, ${sessionCount(values)} as sessions from session`;
});

/** The condition on "User" that what the session is created by still holds. Without a proof, only the access to the domain is checked. */
const proofHolds = ({ userId, domainId, passwordHash, accessVersion, entry, mustBeConfirmed }: InsertionValues): Sql => sql`
  (${accessVersion}::int is null or "accessVersion" = ${accessVersion}::int and ("emailConfirmedAt" is not null or not ${mustBeConfirmed}::bool))
    and (${entry}::text is null or ${entry}::text = ${entryVersion(sql`${userId}::uuid`, sql`${domainId}::uuid`)})
    and lock_login(${userId}::uuid, ${passwordHash}, ${domainId}::uuid)`;

const auditEvent = (values: InsertionValues): Sql =>
  insertAuditEvents(values, {
    action: values.action,
    userId: sql`"userId"`,
    domainId: sql`${values.domainId}::uuid`,
    targetType: 'Token',
    targetId: sql`id`,
    actorId: sql`"userId"`,
    actorTokenId: sql`id`,
    from: sql`session`,
  });

const isNewOrigin = ({ isLogin, network, agent }: InsertionValues): Sql => sql`
  ${isLogin}::bool and "loginCount" > 1 and not exists (
    select 1 from "Token" known where known."userId" = account.id and known.kind = 'SESSION'
      and known."createdFrom" = ${network} and known."userAgent" is not distinct from ${agent})`;

// The statement does not see sessions that were inserted since it began. Those of logins it counts by the increase of the number of logins, which
// the update reads after it has locked the user.
const sessionCount = ({ userId }: InsertionValues): Sql => sql`
  (select count(*) from "Token" t where t."userId" = ${userId}::uuid and t.kind = 'SESSION' and ${hasNotEnded})::int
    + (select account."loginCount" - before."loginCount" from account join "User" before on before.id = account.id)`;
