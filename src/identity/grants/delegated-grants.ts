import { type Database, type Sql, sql, type Tx } from '../../database/database.ts';
import type { ClientInfo } from '../../lib/client-info.ts';
import type { ActingTransaction } from '../audited-transaction.ts';
import type { UnitOfWork } from '../unit-of-work.ts';
import { revokeOrphanedSessions } from './revoke-orphaned-sessions.ts';

/** The ids of the chain by which each grant was passed on: from the first grant to this one. */
export async function loadDelegationPaths({ query }: Pick<Database, 'query'>, ids: readonly string[]): Promise<Map<string, string[]>> {
  const paths = await query<{ id: string; path: string[] }>(sql`
    with recursive up as (
      select g.id as asked, g.id, g."throughId", 0 as step from "RoleGrant" g where g.id = any(${ids}::uuid[])
      union all select up.asked, g.id, g."throughId", up.step + 1 from "RoleGrant" g join up on g.id = up."throughId" where up.step < 5
    ) select asked::text as id, json_agg(id order by step desc) as path from up group by asked`);
  return new Map(paths.map(({ id, path }) => [id, path]));
}

/** Ends grants and, at once, all that was passed on from them at any depth, and what their holders entered by them; one line of the audit for each. */
export async function revokeGrants(writing: ActingTransaction, work: UnitOfWork, ids: readonly string[]): Promise<void> {
  const { tx, viewer } = writing;
  const all = await withPassedOn(tx, ids);
  if (all.length === 0) return;
  const ended = await tx.$queryRaw<{ userId: string }[]>(sql`
    with changed as (
      delete from "RoleGrant" where id = any(${all}::uuid[]) returning *
    ), audited as (
      ${audited('revoked', viewer, work.client, sql`'{}'::jsonb`)}
    ) select distinct "userId"::text from changed`);
  const holders = ended.map(({ userId }) => userId);
  await revokeOrphanedSessions(writing, work, sql`t."userId" = any(${holders}::uuid[])`);
}

/** What a grant says that bounds what is passed on from it. */
export interface DelegationBounds {
  readonly expiresAt: Date | null;
  readonly delegable: number;
}

/**
 * Holds what was passed on from these grants within their bounds, at any depth: to their end, and to one step less at each step. One statement
 * for each step, for only a row that is locked, as a changed one is, keeps its holder from passing on by what it said before.
 */
export async function narrowDelegates(
  writing: ActingTransaction,
  client: ClientInfo,
  ids: readonly string[],
  bounds: DelegationBounds,
): Promise<void> {
  if (ids.length === 0) return;
  const end = bounds.expiresAt?.toISOString() ?? null;
  const delegable = Math.max(0, bounds.delegable - 1);
  const narrowed = await writing.tx.$queryRaw<{ id: string }[]>(sql`
    with changed as (
      update "RoleGrant" set "expiresAt" = least("expiresAt", ${end}::timestamptz), delegable = least(delegable, ${delegable}::smallint)
      where "throughId" = any(${ids}::uuid[])
        and (coalesce("expiresAt", 'infinity') > ${end}::timestamptz or delegable > ${delegable}::smallint) returning *
    ), audited as (
      ${audited('narrowed', writing.viewer, client, sql`jsonb_build_object('expiresAt', c."expiresAt", 'delegable', c.delegable)`)}
    ) select id::text from changed`);
  // Whatever keeps within the bounds unchanged has nothing below it that does not.
  const next = narrowed.map(({ id }) => id);
  await narrowDelegates(writing, client, next, { ...bounds, delegable });
}

/** These grants and all that was passed on from them. Each is held before its own are looked for, so that none is added meanwhile. */
async function withPassedOn(tx: Tx, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  await tx.$queryRaw(sql`select 1 from "RoleGrant" where id = any(${ids}::uuid[]) for update`);
  const next = await tx.$queryRaw<{ id: string }[]>(sql`select id::text from "RoleGrant" where "throughId" = any(${ids}::uuid[])`);
  const nextIds = next.map(({ id }) => id);
  return [...ids, ...(await withPassedOn(tx, nextIds))];
}

/** One line of the audit for each row of `changed`, in the same statement: a chain may have many. */
const audited = (reason: string, actor: ActingTransaction['viewer'], client: ClientInfo, more: Sql) => sql`
  insert into "AuditEvent" (action, result, reason, "userId", "domainId", "targetType", "targetId", "actorId", "actorTokenId", network, agent, "requestId", details)
  select 'privilege_permissions_changed', 'ok', ${reason}, c."userId", c."domainId", 'RoleGrant', c.id, ${actor?.user.id ?? null}::uuid, ${actor?.token.id ?? null}::uuid,
    ${client.network}, ${client.agent}, ${client.requestId},
    jsonb_build_object('role', r.name, 'domain', d.name, 'throughId', c."throughId") || ${more}
  from changed c join "Role" r on r.id = c."roleId" left join "Domain" d on d.id = c."domainId"`;
