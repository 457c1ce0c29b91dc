import { type Sql, sql, type Tx } from '../../database/database.ts';
import type { Domain } from '../../database/generated/prisma/client.ts';
import { isUuid } from '../../lib/validators.ts';

const lockId = sql`hashtext('fieldgate.domains')`;

/** Serializes moves of domains until the transaction ends: two concurrent moves could close a cycle. */
export const lockTreeForUpdate = (tx: Tx) => tx.$queryRaw(sql`select pg_advisory_xact_lock(${lockId})::text`);

/** Keeps every domain where it is until the transaction ends. */
export const lockTreeForShare = (tx: Tx) => tx.$queryRaw(sql`select pg_advisory_xact_lock_shared(${lockId})::text`);

/**
 * Locks the grants in the domain and below. Lock order: grants before domains. A user who enters the domain holds a lock on their grants and
 * waits for the domain; deleting or moving it also changes grants.
 */
export async function lockGrantsIn(tx: Tx, id: string): Promise<void> {
  if (isUuid(id)) await tx.$queryRaw(sql`select 1 from "RoleGrant" where "domainId" in (${descendants(id)}) order by id for update`);
}

/** The domain and every domain above it. */
export const ancestors = (tx: Tx, id: string) =>
  tx.$queryRaw<Pick<Domain, 'id' | 'active'>[]>(sql`select id::text, active from domain_ancestors(${id}::uuid)`);

/** A subquery for the ids of the domain and every domain below it. */
export const descendants = (id: string): Sql => sql`select id from domain_descendants(${id}::uuid)`;

/** True if the domain or one above it is disabled: disabling a domain disables those below. */
export const isInactive = async (tx: Tx, id: string) => (await ancestors(tx, id)).some(({ active }) => !active);
