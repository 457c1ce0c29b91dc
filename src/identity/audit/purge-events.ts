import type { Config } from '../../config.ts';
import { batchSize, runInBatches } from '../../database/batched-delete.ts';
import { type Database, sql } from '../../database/database.ts';

/** Forgets events that are older than they are kept, the oldest first, for at most so many milliseconds. Answers how many went. */
export const purgeAuditEvents = (
  db: Pick<Database, 'query'>,
  { AUDIT_RETENTION }: Pick<Config, 'AUDIT_RETENTION'>,
  most = Number.POSITIVE_INFINITY,
): Promise<number> =>
  runInBatches(
    db,
    sql`delete from "AuditEvent" where id in (
      select id from "AuditEvent" where at < now() - ${AUDIT_RETENTION}::float8 * interval '1 ms' order by at limit ${batchSize}::int for update skip locked)`,
    most,
  );
