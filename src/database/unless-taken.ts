import { errorCodeFromDatabase } from '../errors.ts';
import { sql, type Tx } from './database.ts';

/**
 * Runs a write that a unique key may reject, also for a value that another transaction commits after this one has looked. Returns undefined then, and
 * the transaction continues: PostgreSQL would otherwise reject everything after the failure.
 */
export async function unlessTaken<T>(tx: Tx, write: () => Promise<T>): Promise<T | undefined> {
  await tx.$executeRaw(sql`savepoint unless_taken`);
  try {
    const result = await write();
    await tx.$executeRaw(sql`release savepoint unless_taken`);
    return result;
  } catch (error) {
    if (errorCodeFromDatabase(error) !== 'TAKEN') throw error;
    await tx.$executeRaw(sql`rollback to savepoint unless_taken`);
    return undefined;
  }
}
