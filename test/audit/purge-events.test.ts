import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { purgeAuditEvents } from '../../src/identity/audit/purge-events.ts';
import { runJobs } from '../jobs.ts';
import { startTestServer } from '../test-server.ts';

const server = await startTestServer({ AUDIT_RETENTION: '10d' });
const insertEvents = (days: number, many = 1) =>
  server.db.query(sql`
    insert into "AuditEvent" (action, result, at) select 'past', 'ok', now() - ${days}::float8 * interval '1 day' from generate_series(1, ${many}::int)`);
const left = () => server.db.prisma.auditEvent.count({ where: { action: 'past' } });

describe('the retention of audit events', () => {
  it('deletes events older than AUDIT_RETENTION and keeps newer ones', async () => {
    await insertEvents(9.99);
    await insertEvents(10.01);
    await runJobs(server);
    expect(await left()).toBe(1);
  });

  it('deletes any number of events in one run', async () => {
    await insertEvents(11, 12_000);
    expect(await purgeAuditEvents(server.db, server.config)).toBe(12_000);
    expect(await left()).toBe(1);
  });
});
