import { type Sql, sql, type Tx } from '../../database/database.ts';

/** The ids of the domain and of every domain above it. */
export async function ancestors(tx: Tx, id: string): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>(sql`select id::text from domain_ancestors(${id}::uuid)`);
  return rows.map((row) => row.id);
}

/** A subquery for the ids of the domain and every domain below it. */
export const descendants = (id: string): Sql => sql`select id from domain_descendants(${id}::uuid)`;

/** The grants in the domain and in those below it. */
export async function grantsWithin(tx: Tx, id: string): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>(sql`select id::text from "RoleGrant" where "domainId" in (${descendants(id)})`);
  return rows.map((row) => row.id);
}
