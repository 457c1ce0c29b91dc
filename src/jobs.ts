import { type Database, type Sql, sql } from './db.ts';
import type { Log } from './log.ts';

interface Job {
  readonly name: string;
  /** Milliseconds between two runs. */
  readonly every: number;
  readonly statement: Sql;
}

/** What happens on a clock. Every node runs each; a second run at the same moment finds nothing to do. */
const jobs: readonly Job[] = [
  { name: 'forget throttles that have ended', every: 600_000, statement: sql`delete from "Throttle" where "expiresAt" < now()` },
];

/** Starts the clocks; answers how to stop them. A job that fails is logged and comes again. */
export function startJobs(db: Pick<Database, 'query'>, log: Log): () => void {
  const clocks = jobs.map(({ name, every, statement }) =>
    setInterval(() => {
      db.query(statement).catch((error: Error) => log.warn({ job: name, error: error.message }, 'a job failed'));
    }, every).unref(),
  );
  return () => {
    for (const clock of clocks) clearInterval(clock);
  };
}
