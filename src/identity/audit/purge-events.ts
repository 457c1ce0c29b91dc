import type { Config } from '../../config.ts';
import { batchSize, runInBatches } from '../../database/batched-delete.ts';
import { type Database, interval, sql } from '../../database/database.ts';

/** Deletes audit events older than the retention, oldest first, for at most that many milliseconds. Returns how many it deleted. */
export const purgeAuditEvents = (
  db: Pick<Database, 'query'>,
  { AUDIT_RETENTION }: Pick<Config, 'AUDIT_RETENTION'>,
  maxDuration = Number.POSITIVE_INFINITY,
): Promise<number> =>
  runInBatches(
    db,
    sql`delete from "AuditEvent" where id in (
      select id from "AuditEvent" where at < now() - ${interval(AUDIT_RETENTION)} order by at limit ${batchSize}::int for update skip locked)`,
    maxDuration,
  );
