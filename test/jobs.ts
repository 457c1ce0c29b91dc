import { randomUUID } from 'node:crypto';
import { createPendingEvents } from '../src/identity/unit-of-work.ts';
import { jobs } from '../src/schema/job/schedule.ts';
import type { TestServer } from './test-server.ts';

/** Runs all jobs once. */
export async function runJobs({ db, config }: Pick<TestServer, 'db' | 'config'>) {
  const client = { network: 'local', agent: 'job', requestId: randomUUID() };
  for (const job of jobs) await job.run(db, { client, events: createPendingEvents() }, config);
}

/** The statements that a driver was called with, without those of background work. */
export const statementsIn = (calls: readonly unknown[][]) =>
  calls
    .map(([first]) => (typeof first === 'string' ? first : (first as { text: string }).text))
    .filter((text) => !ofBackgroundWork.test(text));

const ofBackgroundWork =
  /"RevocationCommit"|"Job"|update "OutboxEmail"|"SigningKey"|insert into "FieldRead"|set "revokedAt"|chain_audit_events|set_config\(name|set statement_timeout|"MailOutage"|select clock_timestamp\(\) as now/;
