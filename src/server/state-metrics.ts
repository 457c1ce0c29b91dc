import { type ClockReading, maxClockOffset, readWithClockOffset } from '../database/clock-offset.ts';
import { sql } from '../database/database.ts';
import { runAs } from '../database/workload.ts';
import type { AppServices } from '../graphql/context.ts';
import { hashLoad } from '../identity/credentials/password-hash.ts';

const maxDatabaseTime = 1_000; // milliseconds: a scrape responds also while the database does not

/** The conditions for a node to be ready. */
interface Readiness {
  readonly isReady: boolean;
  readonly checks: { readonly database: 'ok' | 'not ok'; readonly clock: 'ok' | 'not ok' | 'unknown' };
}

/** Sets the metrics that are read when they are scraped. Concurrent scrapes share one statement. */
export function createStateMetrics(services: AppServices): { refresh(): Promise<Readiness> } {
  let current: Promise<Readiness> | undefined;
  const refresh = async () => {
    setNodeState(services);
    const state = await readDatabaseState(services).catch(() => undefined);
    return setDatabaseState(services, state);
  };
  return {
    refresh: () => {
      current ??= refresh().finally(() => {
        current = undefined;
      });
      return current;
    },
  };
}

/** Values that this process knows without the database. */
function setNodeState({ metrics, db, keys, revocations }: AppServices) {
  metrics.statementsRejected.reset();
  for (const [name, { running, waiting, rejected }] of Object.entries(db.load)) {
    metrics.connectionsInUse.set({ class: name }, running);
    metrics.statementsWaiting.set({ class: name }, waiting);
    metrics.statementsRejected.inc({ class: name }, rejected);
  }
  const hashes = hashLoad();
  metrics.hashesRunning.set(hashes.running);
  metrics.hashesWaiting.set(hashes.waiting);
  metrics.hashesRejected.reset();
  metrics.hashesRejected.inc(hashes.rejected);
  metrics.revocationFeedAge.set(revocations.age() / 1_000);
  metrics.signingKeys.set(keys.verifying.size);
}

/** Times in seconds. */
interface DatabaseState {
  readonly now: Date;
  readonly emails: number;
  readonly oldestEmail: number;
  readonly mailServerUp: boolean;
  readonly auditPosition: number;
  readonly keyActivated: number | null;
  readonly jobs: readonly { readonly name: string; readonly succeeded: number }[];
}

async function readDatabaseState({ db }: AppServices): Promise<ClockReading<DatabaseState>> {
  const read = async () => {
    const [row] = (await db.query<DatabaseState>(sql`
      select clock_timestamp() as now, emails, "oldestEmail", not exists (select from "MailOutage") as "mailServerUp",
        (select coalesce(max(position), 0)::float8 from "AuditChain") as "auditPosition",
        (select extract(epoch from max("activeFrom"))::float8 from "SigningKey" where "activeFrom" <= now() and "removedAt" is null) as "keyActivated",
        (select coalesce(json_agg(json_build_object('name', name, 'succeeded', extract(epoch from "finishedAt")::float8)), '[]')
          from "Job" where error is null and "finishedAt" is not null) as jobs
      from (
        select count(*)::int as emails, coalesce(extract(epoch from now() - min("createdAt")), 0)::float8 as "oldestEmail"
        from "OutboxEmail" where "completedAt" is null
      ) outbox`)) as [DatabaseState];
    return row;
  };
  const timeout = new Promise<never>((_, reject) => setTimeout(reject, maxDatabaseTime, new Error('timeout')).unref());
  return Promise.race([runAs({ class: 'authentication', kind: 'metrics' }, () => readWithClockOffset(read)), timeout]);
}

/** While the database does not respond, its metrics are absent instead of old. The last success of a job stays true. */
function setDatabaseState({ metrics }: AppServices, state: ClockReading<DatabaseState> | undefined): Readiness {
  const ofDatabase = {
    clockOffset: state && state.offset / 1_000,
    emailsWaiting: state?.row.emails,
    oldestEmailAge: state?.row.oldestEmail,
    mailServerUp: state && Number(state.row.mailServerUp),
    auditPosition: state?.row.auditPosition,
    signingKeyActivated: state?.row.keyActivated,
  };
  for (const [name, value] of Object.entries(ofDatabase)) {
    const gauge = metrics[name as keyof typeof ofDatabase];
    if (value == null) gauge.remove();
    else gauge.set(value);
  }
  for (const { name, succeeded } of state?.row.jobs ?? []) metrics.jobLastSuccess.set({ job: name }, succeeded);
  const isClockRight = state && Math.abs(state.offset) <= maxClockOffset;
  metrics.databaseUp.set(Number(state !== undefined));
  metrics.ready.set(Number(isClockRight === true));
  const clock = isClockRight === undefined ? 'unknown' : isClockRight ? 'ok' : 'not ok';
  return { isReady: isClockRight === true, checks: { database: state ? 'ok' : 'not ok', clock } };
}
