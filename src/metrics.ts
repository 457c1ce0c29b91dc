import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ErrorCode } from './errors.ts';

/** The outcomes of logins: `OK`, or the reason in the audit. */
const loginOutcomes = [
  'OK',
  'INVALID_CREDENTIALS',
  'EMAIL_NOT_CONFIRMED',
  'RATE_LIMITED',
  'ACCOUNT_DISABLED',
  'DOMAIN_ACCESS_DENIED',
  'FORBIDDEN',
] as const;

export type LoginOutcome = (typeof loginOutcomes)[number];

/** How refreshes usually end; any other error code is possible. */
const refreshOutcomes = ['OK', 'INVALID_TOKEN', 'TOKEN_REUSED', 'RATE_LIMITED'] as const;

export type RefreshOutcome = 'OK' | ErrorCode;

const emailOutcomes = ['sent', 'previewed', 'obsolete', 'expired', 'no_recipient', 'rejected', 'failed'] as const;

export type EmailOutcome = (typeof emailOutcomes)[number];

type JobOutcome = 'OK' | 'failed';

/** A counter whose labels have only these values: the types of prom-client accept any text. */
interface CounterOf<Labels> {
  inc(labels: Labels, value?: number): void;
}

const seconds = {
  request: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  hash: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2],
  delivery: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
};

/** All servers of a process share its cores, and so the gate of the password hashes. */
export const passwordHashDuration = new Histogram({
  name: 'fieldgate_password_hash_duration_seconds',
  help: 'Computing time of password hashes, without waiting, by algorithm.',
  labelNames: ['algorithm'],
  buckets: seconds.hash,
  registers: [],
});

export type Metrics = ReturnType<typeof createMetrics>;

/**
 * Creates the metrics of one server, which are counted whether they are served or not. Labels have few values, all of them names in this code: never
 * what a client sends (docs/decisions/0052).
 */
export function createMetrics() {
  const registry = new Registry();
  registry.registerMetric(passwordHashDuration);
  return { registry, ...requestMetrics(registry), ...securityMetrics(registry), ...workMetrics(registry), ...stateMetrics(registry) };
}

function requestMetrics(registry: Registry) {
  const { counter, gauge, histogram } = definersOf(registry);
  return {
    httpRequests: counter('http_requests_total', 'HTTP requests.', ['route', 'status']),
    httpDuration: histogram('http_request_duration_seconds', 'Duration of HTTP requests except event streams.', seconds.request, ['route']),
    operations: counter('graphql_operations_total', 'Operations, once for each of their root fields.', ['operation', 'type', 'code']),
    operationDuration: histogram('graphql_operation_duration_seconds', 'Duration of queries and mutations.', seconds.request, [
      'operation',
      'type',
    ]),
    openConnections: gauge('open_connections', 'Open WebSockets and event streams.', ['transport']),
    openSubscriptions: gauge('open_subscriptions', 'Open subscriptions.'),
    revocationDelivery: histogram(
      'revocation_delivery_seconds',
      'Time from a revocation to its delivery to the connection of a subscriber.',
      seconds.delivery,
    ),
  };
}

function securityMetrics(registry: Registry) {
  const { counter } = definersOf(registry);
  const logins: CounterOf<{ outcome: LoginOutcome }> = counter('logins_total', 'Logins.', ['outcome']);
  const refreshes: CounterOf<{ outcome: RefreshOutcome }> = counter('refreshes_total', 'Refreshes of sessions.', ['outcome']);
  // `increase()` misses the first increment of a series that did not exist before.
  for (const outcome of loginOutcomes) logins.inc({ outcome }, 0);
  for (const outcome of refreshOutcomes) refreshes.inc({ outcome }, 0);
  return { logins, refreshes, rateLimited: counter('rate_limited_total', 'Attempts that exceeded a limit.', ['limit']) };
}

/** Work that the server does by itself. */
function workMetrics(registry: Registry) {
  const { counter } = definersOf(registry);
  const emails: CounterOf<{ outcome: EmailOutcome }> = counter('emails_total', 'Emails that this node has completed.', ['outcome']);
  const jobRuns: CounterOf<{ job: string; outcome: JobOutcome }> = counter('job_runs_total', 'Runs of jobs on this node.', [
    'job',
    'outcome',
  ]);
  for (const outcome of emailOutcomes) emails.inc({ outcome }, 0);
  return {
    emails,
    emailFailures: counter('email_failures_total', 'Failed attempts to deliver an email.'),
    jobRuns,
  };
}

/** Values that are read when the metrics are scraped (server/state-metrics.ts). */
function stateMetrics(registry: Registry) {
  const { counter, gauge } = definersOf(registry);
  return {
    buildInfo: gauge('build_info', 'Always 1; the label has the version.', ['version']),
    ready: gauge('ready', '1 if the node is ready, otherwise 0.'),
    databaseUp: gauge('database_up', '1 if the database responds, otherwise 0.'),
    clockOffset: gauge('clock_offset_seconds', 'By how much the clock of the node is ahead of that of the database.'),
    connectionsInUse: gauge('database_connections_in_use', 'Database connections in use.', ['class']),
    statementsWaiting: gauge('database_waiting', 'Statements and transactions that wait for a connection.', ['class']),
    statementsRejected: counter('database_rejected_total', 'Statements and transactions that got no connection in time.', ['class']),
    hashesRunning: gauge('password_hashes_running', 'Password hashes being computed.'),
    hashesWaiting: gauge('password_hashes_waiting', 'Password hashes that wait for a core.'),
    hashesRejected: counter('password_hashes_rejected_total', 'Password hashes that got no turn in time.'),
    emailsWaiting: gauge('outbox_emails_waiting', 'Emails that are not completed.'),
    oldestEmailAge: gauge('outbox_oldest_email_age_seconds', 'Age of the oldest of them; 0 if there is none.'),
    mailServerUp: gauge('mail_server_up', '1 unless the mail server accepts no email, then 0.'),
    jobLastSuccess: gauge('job_last_success_timestamp_seconds', 'End of the last successful run on any node.', ['job']),
    auditPosition: gauge('audit_chain_position', 'Position of the head of the audit chain.'),
    revocationFeedAge: gauge('revocation_feed_age_seconds', 'Time since the end of the revocation log was last read.'),
    signingKeys: gauge('signing_keys', 'Signing keys whose tokens are accepted.'),
    signingKeyActivated: gauge('signing_key_activated_timestamp_seconds', 'When the newest rotated signing key began to sign.'),
  };
}

/** Functions that define a metric by its name without the prefix, its description and its labels. */
const definersOf = (registry: Registry) => ({
  counter: <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name: `fieldgate_${name}`, help, labelNames, registers: [registry] }),
  gauge: <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name: `fieldgate_${name}`, help, labelNames, registers: [registry] }),
  histogram: <Label extends string>(name: string, help: string, buckets: number[], labelNames: Label[] = []) =>
    new Histogram({ name: `fieldgate_${name}`, help, labelNames, buckets, registers: [registry] }),
});
