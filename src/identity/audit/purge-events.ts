import type { Config } from '../../config.ts';
import { batchSize } from '../../database/batched-delete.ts';
import { type Database, interval, sql } from '../../database/database.ts';

/**
 * Deletes audit events older than the retention from the start of the hash chain, for at most that many milliseconds. Each batch records where the
 * chain starts now (docs/decisions/0040). Returns how many events it deleted.
 */
export async function purgeAuditEvents(
  { query }: Pick<Database, 'query'>,
  { AUDIT_RETENTION }: Pick<Config, 'AUDIT_RETENTION'>,
  maxDuration = Number.POSITIVE_INFINITY,
): Promise<number> {
  const deadline = performance.now() + maxDuration;
  let total = 0;
  for (;;) {
    const [row] = await query<{ count: number }>(sql`
      select purge_audit_events(now() - ${interval(AUDIT_RETENTION)}, ${batchSize}::int) as count`);
    total += row?.count ?? 0;
    if ((row?.count ?? 0) < batchSize || performance.now() >= deadline) return total;
  }
}
