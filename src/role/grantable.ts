import { all, any } from '../access/rule.ts';
import { admin, domainAdmin, outranks, ranks, session, superadmin } from '../access/vocabulary.ts';
import type { Write } from '../access/write.ts';
import { sql, type Tx } from '../db.ts';
import { heldDomain } from '../domain/held-domain.ts';
import { invalid } from '../errors.ts';
import type { Role } from '../generated/prisma/client.ts';

/** Who may grant and revoke roles that carry no rank; those that do are the superadmins' alone. */
export const grantRule = all(session, any(domainAdmin, outranks, superadmin));

interface Wanted {
  readonly role: string;
  readonly domain?: string | null | undefined;
}

/** The role and the domain by name, as far as the viewer may grant or revoke that role in that domain. Both stay until the transaction ends. */
export async function grantable({ tx, viewer, require }: Write, wanted: Wanted) {
  const role = await heldRole(tx, wanted.role);
  if (!role) throw invalid({ role: ['no such role'] });
  const domain = wanted.domain == null ? null : await heldDomain(tx, wanted.domain);
  if (wanted.domain != null && !(domain?.active || (domain && viewer.rank >= ranks.ADMIN))) throw invalid({ domain: ['no such domain'] });
  if (role.name === 'ADMIN' || role.name === 'SUPERADMIN') require(superadmin);
  if (!(domain && viewer.administers.includes(domain.id))) require(admin);
  if (role.name === 'SUPERADMIN' && domain) throw invalid({ domain: ['a superadmin is one everywhere'] });
  return { role, domain };
}

async function heldRole(tx: Tx, name: string) {
  const [role] = await tx.$queryRaw<Pick<Role, 'id' | 'name'>[]>(sql`select id::text, name from "Role" where name = ${name} for key share`);
  return role;
}
