import type { IncomingMessage, ServerResponse } from 'node:http';
import { collectDefaultMetrics, Registry } from 'prom-client';
import packageJson from '../../package.json' with { type: 'json' };
import { checkReadiness } from '../database/readiness.ts';
import { runAs } from '../database/workload.ts';
import type { AppServices } from '../graphql/context.ts';
import { sendJson } from '../transport/http/endpoint.ts';
import { securityHeaders } from '../transport/http/request-guard.ts';
import { createBoundedServer, listen } from './bounded-server.ts';
import { createStateMetrics } from './state-metrics.ts';

const { version } = packageJson;

/** A server for operators on a separate port, without authentication (security.md 18.5). */
export interface MetricsServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the metrics, and the health probes with their reasons, if METRICS_PORT is set. */
export async function startMetricsServer(services: AppServices): Promise<MetricsServer | undefined> {
  const { config, log, metrics } = services;
  const { METRICS_PORT, METRICS_HOST } = config;
  if (METRICS_PORT === undefined) return undefined;
  const state = createStateMetrics(services);
  const registry = Registry.merge([metrics.registry, measureProcess()]);
  metrics.buildInfo.set({ version }, 1);

  const routes: Record<string, (response: ServerResponse) => Promise<void> | void> = {
    '/metrics': async (response) => {
      await state.refresh();
      response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics());
    },
    '/health/live': (response) => sendJson(response, 200, { status: 'ok', ...health() }),
    '/health/ready': async (response) => {
      const { isReady, checks } = await runAs({ class: 'authentication', kind: 'probe' }, () => checkReadiness(services.db));
      sendJson(response, isReady ? 200 : 503, { status: isReady ? 'ok' : 'not ok', checks, ...health() });
    },
  };

  async function respond({ method = '', url = '' }: IncomingMessage, response: ServerResponse) {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    const path = url.split('?', 1)[0] ?? '';
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!route) return void response.writeHead(404).end();
    if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405, { allow: 'GET, HEAD', connection: 'close' }).end();
    await route(response);
  }

  const server = createBoundedServer((request, response) => {
    respond(request, response).catch((error: Error) => {
      log.error({ event: 'sys_defect', error: String(error.stack) }, 'serving the metrics failed unexpectedly');
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  const url = await listen(server, { port: ['METRICS_PORT', METRICS_PORT], host: ['METRICS_HOST', METRICS_HOST] });
  log.info({ event: 'sys_metrics', url: `${url}/metrics` }, 'metrics are served');
  return {
    url,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

let processMetrics: Registry | undefined;

/**
 * The metrics that prom-client has of the process. All servers of a process share them: their observers cannot be stopped, so each server would
 * leave its own behind.
 */
function measureProcess(): Registry {
  if (processMetrics) return processMetrics;
  processMetrics = new Registry();
  collectDefaultMetrics({ register: processMetrics });
  return processMetrics;
}

const health = () => ({ version, uptime: Math.round(process.uptime()) });
