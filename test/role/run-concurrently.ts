import { sql } from '../../src/database/database.ts';
import { isEmbedded } from '../test-database.ts';
import { type QueryResult, type TestServer, waitUntil } from '../test-server.ts';

type SendRequest = () => Promise<QueryResult<unknown>>;

/**
 * Runs mutations so that each has started before the first commits: a lock on the audit table is held until the last one
 * waits for it. On the embedded database they run one after another in the given order.
 */
export async function runConcurrently(server: TestServer, ...requests: SendRequest[]) {
  if (isEmbedded) return runSequentially(requests);
  const waiting = async () => {
    const [row] = await server.db.query<{ count: number }>(
      sql`select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
        and query not like '%chain_audit_events%'`,
    );
    return row?.count ?? 0;
  };
  const { answers } = await server.db.prisma.$transaction(async (tx) => {
    await tx.$executeRaw(sql`lock table "AuditEvent" in share mode`);
    const sent = [];
    for (const send of requests) {
      sent.push(send());
      await waitUntil(async () => (await waiting()) >= sent.length);
    }
    return { answers: sent };
  });
  return Promise.all(answers);
}

async function runSequentially(requests: SendRequest[]) {
  const answers = [];
  for (const send of requests) answers.push(await send());
  return answers;
}
