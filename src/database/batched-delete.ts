import { type Database, type Sql, sql } from './database.ts';

type Query = Pick<Database, 'query'>;

/** The maximum number of rows per statement, so that no statement takes long. */
export const batchSize = 5_000;

/** Runs a statement that changes rows and has no RETURNING. Returns how many it changed. */
export async function countAffected({ query }: Query, statement: Sql): Promise<number> {
  const [row] = await query<{ count: number }>(sql`with changed as (${statement} returning 1) select count(*)::int as count from changed`);
  return row?.count ?? 0;
}

/** Repeats a statement that changes at most `batchSize` rows until nothing is left or the time, in milliseconds, is over. Returns how many rows it changed. */
export async function runInBatches(db: Query, statement: Sql, maxDuration: number): Promise<number> {
  const deadline = performance.now() + maxDuration;
  let total = 0;
  for (;;) {
    const affected = await countAffected(db, statement);
    total += affected;
    if (affected < batchSize || performance.now() >= deadline) return total;
  }
}
