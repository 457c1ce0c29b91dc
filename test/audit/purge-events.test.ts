import { describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { purgeAuditEvents } from '../../src/identity/audit/purge-events.ts';
import { verifyAuditChain } from '../../src/identity/audit/verify-audit-chain.ts';
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

  it('leaves one anchor however often it runs, from which the audit verifies and which cannot be deleted', async () => {
    const server = await startTestServer({ AUDIT_RETENTION: '10d' });
    const { query, prisma } = server.db;
    for (let run = 1; run <= 3; run += 1) {
      await insertEvents(server, 11);
      expect(await purgeAuditEvents(server.db, server.config)).toBe(1);
      expect((await prisma.auditAnchor.findMany()).map(({ position }) => position)).toEqual([BigInt(run)]);
    }
    await expect(query(sql`delete from "AuditAnchor"`)).rejects.toThrow('append-only');
    expect(await verifyAuditChain(server.db)).toMatchObject({ faults: [], anchor: { position: 3n } });
  });

  it('keeps an anchor that reports missing events', async () => {
    const server = await startTestServer({ AUDIT_RETENTION: '10d' });
    const { query, prisma } = server.db;
    await insertEvents(server, 11, 2);
    await query(sql`alter table "AuditEvent" disable trigger user`);
    await query(sql`delete from "AuditEvent" where id = (select "eventId" from "AuditChain" where position = 1)`);
    await query(sql`alter table "AuditEvent" enable trigger user`);
    for (const _ of [1, 2]) {
      await purgeAuditEvents(server.db, server.config);
      await insertEvents(server, 11);
    }
    await purgeAuditEvents(server.db, server.config);
    expect((await prisma.auditAnchor.findMany({ orderBy: { position: 'asc' } })).map(({ missing }) => missing)).toEqual([1, 0]);
    await expect(query(sql`delete from "AuditAnchor" where missing > 0`)).rejects.toThrow('append-only');
    expect((await verifyAuditChain(server.db)).faults).toEqual([expect.stringMatching(/^1 events had been deleted before the retention/)]);
  });
});
