import { type Sql, sql, type Tx } from '../../database/database.ts';
import type { Domain } from '../../database/generated/prisma/client.ts';

const tree = sql`hashtext('fieldgate.domains')`;

/** Of two moves at the same moment the second sees the first, so that together they close no circle. */
export const lockTreeForUpdate = (tx: Tx) => tx.$queryRaw(sql`select pg_advisory_xact_lock(${tree})::text`);

/** Until the transaction ends no domain moves: what is below another stays there. */
export const lockTreeForShare = (tx: Tx) => tx.$queryRaw(sql`select pg_advisory_xact_lock_shared(${tree})::text`);

/** The domain and all that are above it. */
export const ancestors = (tx: Tx, id: string) =>
  tx.$queryRaw<Pick<Domain, 'id' | 'active'>[]>(sql`
    with recursive up as (
      select d.id, d."parentId", d.active from "Domain" d where d.id = ${id}::uuid
      union select d.id, d."parentId", d.active from "Domain" d join up on d.id = up."parentId"
    ) select id::text, active from up`);

/** A query for the ids of the domain and all that are below it. */
export const descendants = (id: string): Sql => sql`
  with recursive down as (
    select ${id}::uuid as id union select d.id from "Domain" d join down on d."parentId" = down.id
  ) select id from down`;

/** Whether the domain or one above it is shut: what is shut above is shut below. */
export const isInactive = async (tx: Tx, id: string) => (await ancestors(tx, id)).some(({ active }) => !active);
