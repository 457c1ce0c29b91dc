import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppServices } from '../../graphql/context.ts';
import type { OperationReport, RunOperation } from '../../graphql/execution/operation.ts';

/** What the steps of a request have found out about it. */
export interface SeenRequest {
  /** The path as the table of routes has it; undefined for an unknown one. */
  route?: string;
  /** The operation that it has run. */
  operation?: OperationReport;
}

/** Measures a request until its response is sent or its connection lost. */
export function observeRequest(
  { metrics }: Pick<AppServices, 'metrics'>,
  _request: IncomingMessage,
  response: ServerResponse,
): SeenRequest {
  const startedAt = performance.now();
  const seen: SeenRequest = {};
  response.once('close', () => {
    const duration = performance.now() - startedAt;
    const { route = 'other' } = seen;
    metrics.httpRequests.inc({ route, status: response.headersSent ? `${Math.floor(response.statusCode / 100)}xx` : 'aborted' });
    if (!isEventStream(response)) metrics.httpDuration.observe({ route }, duration / 1_000);
  });
  return seen;
}

/** Runs operations as part of the request. */
export const reportTo =
  (seen: SeenRequest, run: RunOperation): RunOperation =>
  (operation) =>
    run({
      ...operation,
      report: (report) => {
        seen.operation = report;
      },
    });

const isEventStream = (response: ServerResponse) => String(response.getHeader('content-type')).startsWith('text/event-stream');
