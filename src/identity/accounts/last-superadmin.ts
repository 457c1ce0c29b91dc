import type { Tx } from '../../database/database.ts';
import { graphqlError } from '../../errors.ts';
import { lockSuperadmins } from './superadmins.ts';

/**
 * Throws LAST_SUPERADMIN unless another enabled, undeleted user has a SUPERADMIN grant without expiry. Serialized: of two superadmins who remove each other concurrently, the second waits and sees the first removal (security.md 10.3).
 */
export async function requireAnotherSuperadmin(tx: Tx, leavingUserId: string): Promise<void> {
  await lockSuperadmins(tx);
  const role = { name: 'SUPERADMIN' };
  const others = await tx.roleGrant.count({
    where: { role, domainId: null, expiresAt: null, userId: { not: leavingUserId }, user: { enabled: true, deletedAt: null } },
  });
  const own = await tx.roleGrant.count({ where: { role, domainId: null, userId: leavingUserId } });
  if (own > 0 && others === 0) throw graphqlError('LAST_SUPERADMIN');
}
