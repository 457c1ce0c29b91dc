import type { Tx } from '../../database/database.ts';

/** The ids of the grants of a user. */
export async function grantsOf(tx: Tx, userId: string): Promise<string[]> {
  const grants = await tx.roleGrant.findMany({ where: { userId }, select: { id: true } });
  return grants.map(({ id }) => id);
}
