import { sql } from '../database/database.ts';
import { checkReadiness, type Readiness } from '../database/readiness.ts';
import { runAs } from '../database/workload.ts';
import type { AppServices } from '../graphql/context.ts';
import { hashLoad } from '../identity/credentials/password-hash.ts';

const maxDatabaseTime = 1_000; // milliseconds: a scrape responds also while the database does not

/** Sets the metrics that are read when they are scraped. Concurrent scrapes share their statements. */
export function createStateMetrics(services: AppServices): { refresh(): Promise<void> } {
  let current: Promise<void> | undefined;
  const refresh = async () => {
    setNodeState(services);
    const read = () => Promise.all([checkReadiness(services.db), readDatabaseState(services).catch(() => undefined)]);
    const [readiness, state] = await runAs({ class: 'authentication', kind: 'metrics' }, read);
    setReadiness(services, readiness);
    setDatabaseState(services, state);
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
  readonly emails: number;
  readonly oldestEmail: number;
  readonly mailServerUp: boolean;
  readonly auditPosition: number;
  readonly keyActivated: number | null;
  readonly jobs: readonly { readonly name: string; readonly succeeded: number }[];
}

async function readDatabaseState({ db }: AppServices): Promise<DatabaseState> {
  const read = async () => {
    const [row] = (await db.query<DatabaseState>(sql`
      select emails, "oldestEmail", not exists (select from "MailOutage") as "mailServerUp",
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
  return Promise.race([read(), timeout]);
}

function setReadiness({ metrics }: AppServices, { isReady, checks, clockOffset }: Readiness) {
  metrics.ready.set(Number(isReady));
  metrics.databaseUp.set(Number(checks.database === 'ok'));
  if (clockOffset === undefined) metrics.clockOffset.remove();
  else metrics.clockOffset.set(clockOffset / 1_000);
}

/** While the database does not respond, its metrics are absent instead of old. The last success of a job stays true. */
function setDatabaseState({ metrics }: AppServices, state: DatabaseState | undefined) {
  const ofDatabase = {
    emailsWaiting: state?.emails,
    oldestEmailAge: state?.oldestEmail,
    mailServerUp: state && Number(state.mailServerUp),
    auditPosition: state?.auditPosition,
    signingKeyActivated: state?.keyActivated,
  };
  for (const [name, value] of Object.entries(ofDatabase)) {
    const gauge = metrics[name as keyof typeof ofDatabase];
    if (value == null) gauge.remove();
    else gauge.set(value);
  }
  for (const { name, succeeded } of state?.jobs ?? []) metrics.jobLastSuccess.set({ job: name }, succeeded);
}
