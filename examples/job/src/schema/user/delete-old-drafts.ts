import { batchSize, runInBatches } from '../../database/batched-delete.ts';
import { type Database, sql } from '../../database/database.ts';

const maxDuration = 5_000; // milliseconds; the lease of a job is 30 s

/** Deletes settings whose key begins with `draft.` 7 days after their last change. Returns how many. */
export const deleteOldDrafts = (db: Pick<Database, 'query'>): Promise<number> => runInBatches(db, oldDrafts, maxDuration);

const oldDrafts = sql`delete from "UserSetting" where id in (
  select id from "UserSetting" where key like 'draft.%' and "updatedAt" < now() - interval '7 days'
  limit ${batchSize}::int for update skip locked)`;
