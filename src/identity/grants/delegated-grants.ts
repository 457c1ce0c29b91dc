import { type Database, type Sql, sql, type Tx } from '../../database/database.ts';
import type { ClientInfo } from '../../lib/client-info.ts';
import { actorColumns, insertAuditEvents } from '../audit/record-event.ts';
import type { ActingTransaction } from '../audited-transaction.ts';
import { lockInOrder } from '../lock-order.ts';
import type { UnitOfWork } from '../unit-of-work.ts';
import { revokeOrphanedSessions } from './revoke-orphaned-sessions.ts';

/** For each grant, the ids of its delegation path: from the original grant to this one. */
export async function loadDelegationPaths({ query }: Pick<Database, 'query'>, ids: readonly string[]): Promise<Map<string, string[]>> {
  const paths = await query<{ id: string; path: string[] }>(sql`
    with recursive up as (
      select g.id as start, g.id, g."throughId", 0 as step from "RoleGrant" g where g.id = any(${ids}::uuid[])
      union all select up.start, g.id, g."throughId", up.step + 1 from "RoleGrant" g join up on g.id = up."throughId" where up.step < 5
    ) select start::text as id, json_agg(id order by step desc) as path from up group by start`);
  return new Map(paths.map(({ id, path }) => [id, path]));
}

/** Deletes grants and every grant delegated from them, revokes the sessions these allowed, and records an audit event per grant. */
export async function revokeGrants(acting: ActingTransaction, work: UnitOfWork, ids: readonly string[]): Promise<void> {
  const { tx, viewer } = acting;
  const all = await withDelegates(tx, ids);
  if (all.length === 0) return;
  const rows = await tx.$queryRaw<{ userId: string }[]>(sql`
    with changed as (
      delete from "RoleGrant" where id = any(${all}::uuid[]) returning *
    ), audit as (
      ${auditChanged('revoked', viewer, work.client)}
    ) select distinct "userId"::text from changed`);
  const userIds = rows.map(({ userId }) => userId);
  await revokeOrphanedSessions(acting, work, sql`t."userId" = any(${userIds}::uuid[])`);
}

/** The limits that a grant sets for grants delegated from it. */
export interface DelegationBounds {
  readonly expiresAt: Date | null;
  readonly delegable: number;
}

/**
 * Narrows the grants delegated from these, at every depth: their expiry to that of the source, `delegable` to one less per step. One statement
 * per step: only a locked row, as a changed one is, keeps its holder from delegating by its old values.
 */
export async function narrowDelegates(
  acting: ActingTransaction,
  client: ClientInfo,
  ids: readonly string[],
  bounds: DelegationBounds,
): Promise<void> {
  if (ids.length === 0) return;
  const expiresAt = bounds.expiresAt?.toISOString() ?? null;
  const delegable = Math.max(0, bounds.delegable - 1);
  const rows = await acting.tx.$queryRaw<{ id: string }[]>(sql`
    with changed as (
      update "RoleGrant" set "expiresAt" = least("expiresAt", ${expiresAt}::timestamptz), delegable = least(delegable, ${delegable}::smallint)
      where "throughId" = any(${ids}::uuid[])
        and (coalesce("expiresAt", 'infinity') > ${expiresAt}::timestamptz or delegable > ${delegable}::smallint) returning *
    ), audit as (
      ${auditChanged('narrowed', acting.viewer, client, sql`jsonb_build_object('expiresAt', c."expiresAt", 'delegable', c.delegable)`)}
    ) select id::text from changed`);
  // A grant that was within the bounds already has only delegates that are, too.
  const changedIds = rows.map(({ id }) => id);
  await narrowDelegates(acting, client, changedIds, { ...bounds, delegable });
}

/** These grants and every grant delegated from them, locked so that none is added meanwhile. */
async function withDelegates(tx: Tx, ids: readonly string[]): Promise<string[]> {
  await lockInOrder(tx, { changedGrants: ids });
  const rows = await tx.$queryRaw<{ id: string }[]>(sql`select id::text from with_delegates(${[...ids]}::uuid[])`);
  return rows.map(({ id }) => id);
}

/** Records one audit event per row of the CTE `changed`. */
const auditChanged = (reason: string, actor: ActingTransaction['viewer'], client: ClientInfo, more: Sql = sql`'{}'::jsonb`) =>
  insertAuditEvents(client, {
    action: 'privilege_permissions_changed',
    reason,
    userId: sql`c."userId"`,
    domainId: sql`c."domainId"`,
    targetType: 'RoleGrant',
    targetId: sql`c.id`,
    ...actorColumns(actor),
    details: sql`jsonb_build_object('role', r.name, 'domain', d.name, 'throughId', c."throughId") || ${more}`,
    from: sql`changed c join "Role" r on r.id = c."roleId" left join "Domain" d on d.id = c."domainId"`,
  });
