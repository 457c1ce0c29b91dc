import { randomUUID } from 'node:crypto';
import type { Client } from './context.ts';
import { type Database, type Sql, sql } from './db.ts';
import type { Log } from './log.ts';
import { isLost } from './role/lost-entries.ts';
import { revoke } from './token/lifecycle.ts';
import type { WakeUps } from './wake-ups.ts';

interface Job {
  readonly name: string;
  /** Milliseconds between two runs. */
  readonly every: number;
  run(db: Pick<Database, 'query'>, client: Client): Promise<unknown>;
}

const statement =
  (one: Sql): Job['run'] =>
  (db) =>
    db.query(one);

/** What happens on a clock. Every node runs each; a second run at the same moment finds nothing to do. */
export const jobs: readonly Job[] = [
  { name: 'forget throttles that have ended', every: 600_000, run: statement(sql`delete from "Throttle" where "expiresAt" < now()`) },
  // Fewer at a time than any statement may take long over; there are at most as many as readers, fields and days.
  {
    name: 'forget read receipts after 90 days',
    every: 60_000,
    run: statement(sql`delete from "FieldRead" where id in (
      select id from "FieldRead" where at < now() - interval '90 days' order by at limit 5000 for update skip locked)`),
  },
  // What is taken out marks its commit first, so that no cursor before it is taken for complete (security.md 7.8: at least a day).
  {
    name: 'trim revocations after 30 days',
    every: 60_000,
    run: statement(sql`
      with old as (
        select id from "TokenRevocation" where "revokedAt" < now() - interval '30 days' order by "revokedAt", seq limit 5000 for update skip locked
      ), gone as (
        delete from "TokenRevocation" r using old where r.id = old.id returning r."commitId"
      ) update "RevocationCommit" set trimmed = true where id in (select "commitId" from gone) and not trimmed`),
  },
  // The newest one stays: it says where the log begins.
  {
    name: 'forget commits of which nothing is left',
    every: 60_000,
    run: statement(sql`
      delete from "RevocationCommit" c where c.id in (
        select id from "RevocationCommit" where trimmed and position < (select max(position) from "RevocationCommit" where trimmed) limit 5000
      ) and not exists (select 1 from "TokenRevocation" r where r."commitId" = c.id)`),
  },
  // A grant ends by itself; what was entered by it ends with it. A day back, for nodes that were all stopped meanwhile.
  {
    name: 'end what was entered by roles that have ended',
    every: 5_000,
    run: (db, client) =>
      revoke(
        db,
        sql`t."userId" in (select "userId" from "RoleGrant" where "expiresAt" between now() - interval '1 day' and now()) and ${isLost}`,
        { reason: 'ACCESS_LOST', initiator: 'SYSTEM', actor: null, client },
      ),
  },
];

/** Starts the clocks; answers how to stop them. A job that fails is logged and comes again. */
export function startJobs(db: Pick<Database, 'query'>, log: Log, { afterwards }: Pick<WakeUps, 'afterwards'>): () => void {
  const clocks = jobs.map(({ name, every, run }) =>
    setInterval(() => {
      const client = { network: 'local', agent: 'clock', requestId: randomUUID() };
      const done = run(db, client).then(() => afterwards(client));
      done.catch((error: Error) => log.warn({ job: name, error: error.message }, 'a job failed'));
    }, every).unref(),
  );
  return () => {
    for (const clock of clocks) clearInterval(clock);
  };
}
