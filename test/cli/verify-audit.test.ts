import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from '../../src/database/database.ts';
import { chainAllEvents, formatHead, readHead } from '../../src/identity/audit/audit-chain.ts';
import { purgeAuditEvents } from '../../src/identity/audit/purge-events.ts';
import { testConfig } from '../test-database.ts';
import { inspectDatabase, runCommand, tempEnvironment } from './process.ts';

const { environment, cleanUp } = await tempEnvironment();
afterAll(cleanUp);
const verify = (...words: string[]) => runCommand(['scripts/admin.ts', 'verify-audit', ...words], environment);

let head = '';

/** Five events that the retention has deleted, then five that it has kept. */
beforeAll(async () => {
  head = await inspectDatabase(environment, async (db) => {
    for (const age of ['2 days', '0 s']) {
      await db.query(sql`
        insert into "AuditEvent" (action, result, at) select 'event', 'ok', now() - ${age}::interval from generate_series(1, 5)`);
      await chainAllEvents(db);
    }
    expect(await purgeAuditEvents(db, testConfig({ AUDIT_RETENTION: '1d' }))).toBe(5);
    return formatHead(await readHead(db));
  });
}, 60_000);

const otherHash = 'ab'.repeat(32);

describe('the admin command verify-audit', { timeout: 120_000 }, () => {
  it('exits with 0 if the audit is unchanged, without a head or with the last one', async () => {
    const unchanged = `The audit is unchanged: 5 events, head ${head}.\nThe retention deleted the events up to position 5, `;
    for (const words of [[], ['--head', head]])
      expect(await verify(...words)).toMatchObject({ code: 0, out: expect.stringContaining(unchanged), err: '' });
  });

  it('exits with 3 and says so if the head is too old to be verified', async () => {
    const { code, out } = await verify('--head', `4:${otherHash}`);
    expect([code, out]).toEqual([3, expect.stringMatching(/^The given head is before position 5 and was not verified\.\n/)]);
    expect(out).not.toContain('The audit is unchanged');
  });

  const faults = [
    ['that starts with another hash', `5:${otherHash}`, 'the chain starts with another hash than the given head'],
    ['that was rewritten', `7:${otherHash}`, 'position 7 has another hash than the given head: the chain was rewritten'],
    ['whose end was deleted', `11:${otherHash}`, 'the chain ends at position 10: later events were deleted from the end'],
  ] as const;
  it.each(faults)('exits with 1 for a chain %s', async (_, given, fault) => {
    expect(await verify('--head', given)).toMatchObject({ code: 1, out: '', err: `${fault}\n` });
  });

  it('rejects a head that is malformed, and other arguments', async () => {
    expect((await verify('--head', 'latest')).err).toMatch(/^--head must be a head from the log/);
    expect([(await verify('now')).code, (await verify('--head')).code]).toEqual([2, 2]);
  });
});
