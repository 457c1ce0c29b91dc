import { type Database, type Sql, sql } from './database.ts';

type Query = Pick<Database, 'query'>;

/** How many rows a statement may take at once: fewer than it would take long over. */
export const batchSize = 5_000;

/** Runs a statement that changes rows and returns none. Answers how many it changed. */
export async function countAffected({ query }: Query, one: Sql): Promise<number> {
  const [told] = await query<{ count: number }>(sql`with changed as (${one} returning 1) select count(*)::int as count from changed`);
  return told?.count ?? 0;
}

/** Runs a statement that changes at most a batch until it finds fewer, or for so many milliseconds. Answers how many rows it changed in all. */
export async function runInBatches(db: Query, one: Sql, most: number): Promise<number> {
  const end = performance.now() + most;
  let all = 0;
  for (;;) {
    const changed = await countAffected(db, one);
    all += changed;
    if (changed < batchSize || performance.now() >= end) return all;
  }
}
