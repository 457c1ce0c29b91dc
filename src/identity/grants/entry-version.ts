import { type Sql, sql } from '../../database/database.ts';

/** The version of the grants that let a user enter a domain. Any write to one of them changes it. */
export const entryVersion = (userId: Sql, domainId: Sql) => sql`(
  select string_agg(concat_ws(':', g.id, g.xmin), ' ' order by g.id) from "RoleGrant" g
  where g.id in (select id from domain_entry_grants(${userId}, ${domainId})))`;
