import { type Database, type Sql, sql } from '../../database/database.ts';
import type { Domain, Prisma, Role } from '../../database/generated/prisma/client.ts';
import { preparedStatement } from '../../database/prepared-statement.ts';
import type { Grant } from '../viewer.ts';

/** Prisma's form of the view "ActiveRoleGrant": grants that have not expired at that time of the database. */
export const whereActive = (now: Date) => ({ OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] }) satisfies Prisma.RoleGrantWhereInput;

/** Active grants, with each role and each domain once. */
export interface ActiveGrants {
  readonly grants: Grant[];
  readonly roles: Role[];
  readonly domains: Domain[];
}

/** The columns of `ActiveGrants` for these users, as JSON: one row costs a fifth of a row per grant. */
export const activeGrantColumns = (userIds: Sql) => sql`
  (select coalesce(json_agg(g order by g.id), '[]') from "ActiveRoleGrant" g where g."userId" = any(${userIds})) as grants,
  (select coalesce(json_agg(r), '[]') from "Role" r where r.id in (
    select g."roleId" from "ActiveRoleGrant" g where g."userId" = any(${userIds}))) as roles,
  (select coalesce(json_agg(d), '[]') from "Domain" d where d.id in (
    select g."domainId" from "ActiveRoleGrant" g where g."userId" = any(${userIds}))) as domains`;

const activeGrants = preparedStatement<{ userIds: readonly string[] }>(
  'active-grants',
  ({ userIds }) => sql`select ${activeGrantColumns(sql`(select ${userIds}::uuid[])::uuid[]`)}`,
);

/** Reads the active grants of many users in one statement. */
export async function readActiveGrants({ query }: Pick<Database, 'query'>, userIds: readonly string[]): Promise<Map<string, Grant[]>> {
  const [row] = await query<ActiveGrants>(activeGrants({ userIds }));
  return groupByUser(row ?? { grants: [], roles: [], domains: [] });
}

/** Groups grants by user, each joined with its role and its domain. */
export function groupByUser({ grants, roles, domains }: ActiveGrants): Map<string, Grant[]> {
  const roleById = new Map(roles.map((role) => [role.id, role]));
  const domainById = new Map(domains.map((domain) => [domain.id, domain]));
  for (const grant of grants)
    Object.assign(grant, { role: roleById.get(grant.roleId), domain: grant.domainId === null ? null : domainById.get(grant.domainId) });
  return Map.groupBy(grants, (grant) => grant.userId);
}
