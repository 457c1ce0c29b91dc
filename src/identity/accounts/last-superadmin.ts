import { sql, type Tx } from '../../database/database.ts';
import { graphqlError } from '../../errors.ts';

/**
 * Throws LAST_SUPERADMIN unless somebody else is a superadmin, neither disabled nor deleted, whose grant has no end. The row of the role is the lock: of two
 * superadmins who remove each other at the same moment, the second waits and then sees what the first did (security.md 10.3).
 */
export async function requireAnotherSuperadmin(tx: Tx, leaving: string): Promise<void> {
  await tx.$queryRaw(sql`select 1 from "Role" where name = 'SUPERADMIN' for no key update`);
  const role = { name: 'SUPERADMIN' };
  const others = await tx.roleGrant.count({
    where: { role, domainId: null, expiresAt: null, userId: { not: leaving }, user: { enabled: true, deletedAt: null } },
  });
  const leaves = await tx.roleGrant.count({ where: { role, domainId: null, userId: leaving } });
  if (leaves > 0 && others === 0) throw graphqlError('LAST_SUPERADMIN');
}
