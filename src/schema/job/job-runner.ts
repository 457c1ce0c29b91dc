import { randomUUID } from 'node:crypto';
import { sql } from '../../database/database.ts';
import type { Context } from '../../graphql/context.ts';
import type { Notifier } from '../../identity/tokens/revocation-notifier.ts';
import { createPendingEvents } from '../../identity/unit-of-work.ts';
import { jobs } from './schedule.ts';

const lookEvery = 1_000; // milliseconds
// Longer than a run takes, which is its batches and a last statement; who died is replaced within 60 s (security.md 24.4).
const lease = 30_000;
const longest = 255; // characters of an error

const names = jobs.map(({ name }) => name);
const periods = jobs.map(({ every }) => every);

/** A job that this server has taken up: its name, and the number of this run. */
interface Turn {
  readonly name: string;
  readonly runs: number;
}

type Ground = Pick<Context, 'db' | 'log' | 'config'>;

/**
 * Runs each job when it is due, unless another server holds it; the first time a period after the database first knew of it. Answers how to stop,
 * which waits for what is under way. A job that fails is logged and comes again.
 */
export function startJobRunner(services: Ground, { flush }: Pick<Notifier, 'flush'>): () => Promise<void> {
  const { log } = services;
  const underWay = new Set<Promise<unknown>>();
  let announced: Promise<unknown> | undefined;
  let isLooking = false;
  let isAway = false;
  const look = async () => {
    isLooking = true;
    announced ??= announce(services);
    const turns = await announced
      .then(() => takeUp(services))
      .finally(() => {
        isLooking = false;
      });
    isAway = false;
    await Promise.all(turns.map((turn) => take(services, turn, flush)));
  };
  const wake = () => {
    if (isLooking) return;
    const looked = look().catch((error: Error) => {
      announced = undefined;
      if (!isAway) log.warn({ error: error.message }, 'jobs could not be taken up or given back; trying again');
      isAway = true;
    });
    underWay.add(looked);
    looked.finally(() => underWay.delete(looked));
  };
  const clock = setInterval(wake, lookEvery).unref();
  return async () => {
    clearInterval(clock);
    await Promise.all(underWay);
  };
}

/** Gives each job its row. */
const announce = ({ db }: Ground) =>
  db.query(sql`
    insert into "Job" (name, "dueAt") select name, now() + every * interval '1 ms'
    from unnest(${names}::text[], ${periods}::float8[]) as one (name, every) on conflict (name) do nothing`);

/** Takes a lease on each job that is due and that nobody holds: of servers that ask at once one gets it. */
const takeUp = ({ db }: Ground) =>
  db.query<Turn>(sql`
    update "Job" j set "startedAt" = now(), "dueAt" = now() + one.every * interval '1 ms', runs = j.runs + 1,
      "leasedUntil" = now() + ${lease}::float8 * interval '1 ms'
    from unnest(${names}::text[], ${periods}::float8[]) as one (name, every)
    where j.name = one.name and j.name in (
      select name from "Job" where "dueAt" <= now() and ("leasedUntil" is null or "leasedUntil" <= now()) for update skip locked)
    returning j.name, j.runs`);

/** Runs a job and gives it back. One whose lease ended meanwhile is another's: that one's run is left as it is. */
async function take({ db, log, config }: Ground, { name, runs }: Turn, afterwards: Notifier['flush']) {
  const client = { network: 'local', agent: 'clock', requestId: randomUUID() };
  const events = createPendingEvents();
  const job = jobs.find((one) => one.name === name);
  const outcome = await job?.run(db, { client, events }, config).then(
    (count) => ({ count, error: null }),
    (error: Error) => ({ count: null, error: error.message.slice(0, longest) }),
  );
  afterwards(events);
  if (outcome?.error != null) log.warn({ job: name, error: outcome.error }, 'a job failed');
  await db.query(sql`
    update "Job" set "finishedAt" = now(), "leasedUntil" = null, count = ${outcome?.count ?? null}::int, error = ${outcome?.error ?? null}
    where name = ${name} and runs = ${runs}::int`);
}
