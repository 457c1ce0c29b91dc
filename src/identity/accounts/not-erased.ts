import type { Tx } from '../../database/database.ts';
import { validationError } from '../../errors.ts';

/** Throws INVALID_INPUT for that field if the account was erased: new data in it would never be erased (security.md 11.8). */
export async function requireNotErased(tx: Tx, id: string, field: string): Promise<void> {
  const erased = await tx.user.count({ where: { id, erasedAt: { not: null } } });
  if (erased > 0) throw validationError({ [field]: ['must not be an erased account'] });
}
