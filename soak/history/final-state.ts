import type { Pool } from 'pg';

/** What must hold in the database at the end, each as a query for the rows that violate it. */
const rules: Readonly<Record<string, string>> = {
  'a session has two live refresh tokens': `
    select s."tokenId" from "TokenSecret" s join "Token" t on t.id = s."tokenId" where t.kind = 'SESSION' and s."usedAt" is null
    group by s."tokenId" having count(*) > 1`,
  'a session has no audit event of its login': `
    select t.id from "Token" t where t.kind = 'SESSION' and 1 <> (
      select count(*) from "AuditEvent" a where a."targetId" = t.id and a.action like 'authn\\_%\\_success')`,
  'an API token has no audit event of its creation': `
    select t.id from "Token" t where t.kind = 'API' and 1 <> (
      select count(*) from "AuditEvent" a where a."targetId" = t.id and a.action = 'authn_token_created')`,
  'a revoked token has not exactly one audit event and one entry of the log': `
    select t.id from "Token" t where (t."revokedAt" is not null)::int <> (
        select count(*) from "AuditEvent" a where a."targetId" = t.id and a.action = 'session_revoked')
      or (t."revokedAt" is not null)::int <> (select count(*) from "TokenRevocation" r where r."tokenId" = t.id)`,
  'an audit event of a session is earlier than that of its login': `
    select a.id from "AuditEvent" a join "AuditEvent" b on b."targetId" = a."targetId" and b.action like 'authn\\_%\\_success'
    where a.action = 'session_revoked' and a.at < b.at`,
  'an invitation was both accepted and revoked': `
    select id from "Invitation" where "acceptedAt" is not null and "revokedAt" is not null`,
  'a live token belongs to a disabled account': `
    select t.id from "Token" t join "User" u on u.id = t."userId" where t."revokedAt" is null and not u.enabled`,
  'a live token of a domain belongs to a user who may not enter it': `
    select t.id from "Token" t where t."revokedAt" is null and t."domainId" is not null
      and not exists (select from domain_entry_grants(t."userId", t."domainId"))`,
};

/** The violations in the final state of the database. */
export async function finalViolations(pool: Pool): Promise<string[]> {
  const found: string[] = [];
  for (const [rule, text] of Object.entries(rules)) {
    const { rows } = await pool.query(text);
    if (rows.length > 0) found.push(`${rule}: ${rows.length} times, for example ${Object.values(rows[0])[0]}`);
  }
  return found;
}
