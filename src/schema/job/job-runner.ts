import { randomUUID } from 'node:crypto';
import { interval, sql } from '../../database/database.ts';
import type { Context } from '../../graphql/context.ts';
import type { Notifier } from '../../identity/tokens/revocation-notifier.ts';
import { createPendingEvents } from '../../identity/unit-of-work.ts';
import { startPoller } from '../../lib/poller.ts';
import { jobs } from './schedule.ts';

const pollInterval = 1_000; // milliseconds
// Milliseconds; longer than any run takes. A job whose server died runs elsewhere within 60 s (security.md 24.4).
const leaseDuration = 30_000;
const maxErrorLength = 255;

const names = jobs.map(({ name }) => name);
const periods = jobs.map(({ every }) => every);

/** A job that this server has claimed, and the number of this run. */
interface JobRun {
  readonly name: string;
  readonly runs: number;
}

type Services = Pick<Context, 'db' | 'log' | 'config' | 'metrics'>;

/**
 * Runs each job when it is due and no other server holds its lease; for the first time one period after the database first knew it. Returns a
 * function that stops the runner and waits for running jobs. A failed job is logged and runs again when it is due.
 */
export function startJobRunner(services: Services, { flush }: Pick<Notifier, 'flush'>): () => Promise<void> {
  const { log } = services;
  const running = new Set<Promise<void>>();
  let isRegistered = false;
  for (const job of names) services.metrics.jobRuns.inc({ job, outcome: 'failed' }, 0); // `increase()` misses the first failure of a new series
  const startDueJobs = async () => {
    if (!isRegistered) await registerJobs(services);
    isRegistered = false; // registered again after a failure: the database may have been restored
    const claimed = await claimDueJobs(services);
    isRegistered = true;
    for (const run of claimed) {
      const result = runJob(services, run, flush)
        .catch((error: Error) =>
          log.warn({ event: 'sys_job_failed', job: run.name, error: error.message }, 'recording the result of a job failed'),
        )
        .finally(() => running.delete(result));
      running.add(result);
    }
  };
  const poller = startPoller(startDueJobs, {
    interval: pollInterval,
    onFailure: (error) => log.warn({ event: 'sys_polling_failed', error: error.message }, 'claiming jobs failed; retrying'),
  });
  return async () => {
    await poller.stop();
    await Promise.all(running);
  };
}

const registerJobs = ({ db }: Services) =>
  db.query(sql`
    insert into "Job" (name, "dueAt") select name, now() + every * interval '1 ms'
    from unnest(${names}::text[], ${periods}::float8[]) as job (name, every) on conflict (name) do nothing`);

/** Takes a lease on each due job that has none. Atomic: of several servers one gets it. */
const claimDueJobs = ({ db }: Services) =>
  db.query<JobRun>(sql`
    update "Job" j set "startedAt" = now(), "dueAt" = now() + job.every * interval '1 ms', runs = j.runs + 1,
      "leasedUntil" = now() + ${interval(leaseDuration)}
    from unnest(${names}::text[], ${periods}::float8[]) as job (name, every)
    where j.name = job.name and j.name in (
      select name from "Job" where "dueAt" <= now() and ("leasedUntil" is null or "leasedUntil" <= now()) for update skip locked)
    returning j.name, j.runs`);

/** Runs a job and releases its lease. If another server has claimed the job since, its run is left alone. */
async function runJob({ db, log, config, metrics }: Services, { name, runs }: JobRun, flush: Notifier['flush']): Promise<void> {
  const client = { network: 'local', agent: 'job', requestId: randomUUID() };
  const events = createPendingEvents();
  const job = jobs.find((candidate) => candidate.name === name);
  const result = await job?.run(db, { client, events }, config).then(
    (count) => ({ count, error: null }),
    (error: Error) => ({ count: null, error: error.message.slice(0, maxErrorLength) }),
  );
  flush(events);
  metrics.jobRuns.inc({ job: name, outcome: result?.error == null ? 'OK' : 'failed' });
  if (result?.error != null) log.warn({ event: 'sys_job_failed', job: name, error: result.error }, 'job failed');
  await db.query(sql`
    update "Job" set "finishedAt" = now(), "leasedUntil" = null, count = ${result?.count ?? null}::int, error = ${result?.error ?? null}
    where name = ${name} and runs = ${runs}::int`);
}
