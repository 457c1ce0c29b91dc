import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { purgeAuditEvents } from '../../src/identity/audit/purge-events.ts';
import { runJobs } from '../jobs.ts';
import { startTestServer, type TestServer, waitUntil } from '../test-server.ts';

/** Inserts events of that age and waits until they are in the chain, from whose start the retention deletes. */
async function insertEvents({ db }: TestServer, days: number, many = 1) {
  await db.query(sql`
    insert into "AuditEvent" (action, result, at) select 'past', 'ok', now() - ${days}::float8 * interval '1 day' from generate_series(1, ${many}::int)`);
  await waitUntil(async () => (await db.prisma.auditQueue.count()) === 0);
}
const left = ({ db }: TestServer) => db.prisma.auditEvent.count({ where: { action: 'past' } });

describe('the retention of audit events', () => {
  it('deletes events older than AUDIT_RETENTION and keeps newer ones', async () => {
    const server = await startTestServer({ AUDIT_RETENTION: '10d' });
    await insertEvents(server, 10.01);
    await insertEvents(server, 9.99);
    await runJobs(server);
    expect(await left(server)).toBe(1);
  });

  it('deletes any number of events in one run', async () => {
    const server = await startTestServer({ AUDIT_RETENTION: '10d' });
    await insertEvents(server, 11, 12_000);
    await insertEvents(server, 9.99);
    expect(await purgeAuditEvents(server.db, server.config)).toBe(12_000);
    expect(await left(server)).toBe(1);
  });
});
