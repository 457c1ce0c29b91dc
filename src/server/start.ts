import { serveCommands } from '../commands/serve-commands.ts';
import type { Config } from '../config.ts';
import type { Database } from '../database/database.ts';
import { runAs } from '../database/workload.ts';
import { startAuditChain } from '../identity/audit/audit-chain.ts';
import type { KeyStore } from '../identity/keys/configured-keys.ts';
import type { Logger } from '../logger.ts';
import { startJobRunner } from '../schema/job/job-runner.ts';
import { listen } from './bounded-server.ts';
import { startClockCheck } from './clock-check.ts';
import { createHttpServer } from './create-server.ts';
import { startMailDelivery } from './mail-delivery.ts';
import { startMetricsServer } from './metrics-server.ts';
import { createServices } from './services.ts';

const maxRequestTime = 25_000; // milliseconds that requests may take once the server stops (security.md F34: 30 s in all)
const idleCheckInterval = 50; // milliseconds; a connection becomes idle only after its last response

export interface RunningServer {
  readonly url: string;
  /** Undefined unless METRICS_PORT is set. */
  readonly metricsUrl: string | undefined;
  readonly db: Database;
  readonly keys: KeyStore;
  /** Stops accepting requests, waits for those in flight, and closes everything, within 30 s. */
  stop(): Promise<void>;
}

/** Starts a server on one port. Opens the database unless an open one is passed. */
export async function startServer(config: Config, log: Logger, database?: Database): Promise<RunningServer> {
  const { services, notifier, configuredKeys, close: closeServices } = await createServices(config, log, database);
  const http = createHttpServer(services, notifier);
  const mailDelivery = runAs({ class: 'background', kind: 'mail' }, () => startMailDelivery(services));
  const stopJobs = runAs({ class: 'background', kind: 'jobs' }, () => startJobRunner(services, notifier));
  const clockCheck = runAs({ class: 'background', kind: 'clock' }, () => startClockCheck(services));
  const auditChain = startAuditChain(services.db, log);
  const closeBackground = async () => {
    await Promise.all([stopJobs(), mailDelivery.close(), auditChain.close(), clockCheck.stop()]);
    await closeServices();
  };
  const closeAfter = async (error: Error): Promise<never> => {
    http.server.close();
    await http.close();
    await closeBackground();
    throw error;
  };
  const url = await listen(http.server, { port: ['PORT', config.PORT], host: ['HOST', config.HOST] }).catch(closeAfter);
  const metricsServer = await startMetricsServer(services).catch(closeAfter);
  const isOnlyProcess = !database && !config.DATABASE_URL; // no other process can open the embedded database
  const commands = isOnlyProcess ? await serveCommands(services, notifier, configuredKeys) : undefined;
  const stop = async () => {
    const closed = new Promise((resolve) => http.server.close(resolve));
    const idleChecks = setInterval(http.closeIdleConnections, idleCheckInterval);
    const timer = setTimeout(() => http.server.closeAllConnections(), maxRequestTime);
    services.revocations.end();
    await Promise.all([http.close(), closed, commands?.close(maxRequestTime)]);
    clearInterval(idleChecks);
    clearTimeout(timer);
    await metricsServer?.close();
    await closeBackground();
  };
  return { url, metricsUrl: metricsServer?.url, db: services.db, keys: services.keys, stop };
}
