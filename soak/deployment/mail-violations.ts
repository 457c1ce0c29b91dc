import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { FailingMailServer } from './mail-server.ts';

const maxTime = 90_000; // milliseconds until all emails are sent

/** Waits until no email is pending, and returns what was lost: emails that were given up, or are recorded as sent but were not received. */
export async function mailViolations(
  pool: Pool,
  { accepted, outages }: Pick<FailingMailServer, 'accepted' | 'outages'>,
): Promise<string[]> {
  // Without waiting for the pauses between attempts, which grow to an hour.
  await pool.query(`update "OutboxEmail" set "dueAt" = now() where "completedAt" is null`);
  for (const until = performance.now() + maxTime; performance.now() < until; await sleep(500)) if ((await pendingEmails(pool)) === 0) break;
  const pending = await pendingEmails(pool);
  const { rows } = await pool.query<{ id: string; template: string; outcome: string }>(
    `select id::text, template, outcome from "OutboxEmail" where "completedAt" is not null`,
  );
  const received = new Set(accepted.map(({ messageId }) => messageId));
  const outcomes = Object.entries(Object.groupBy(rows, ({ template, outcome }) => `${template} ${outcome}`)).map(
    ([name, all]) => `${name} ${all?.length}`,
  );
  const twice = accepted.length - received.size;
  console.log(
    `emails: ${outcomes.sort().join(', ')}; ${accepted.length} received, ${twice} of them again; ${outages} outages of the mail server`,
  );
  return [
    ...(pending > 0 ? [`${pending} emails are pending although the mail server works`] : []),
    ...rows.filter(({ outcome }) => outcome === 'rejected' || outcome === 'failed').map(({ id }) => `the email ${id} was given up`),
    ...rows.filter(({ id, outcome }) => outcome === 'sent' && !received.has(id)).map(({ id }) => `the email ${id} was not received`),
  ];
}

const pendingEmails = async (pool: Pool): Promise<number> =>
  (await pool.query<{ count: number }>(`select count(*)::int as count from "OutboxEmail" where "completedAt" is null`)).rows[0]?.count ?? 0;
