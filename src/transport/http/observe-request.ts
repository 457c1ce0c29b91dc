import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { context, propagation, type Span, SpanKind } from '@opentelemetry/api';
import type { OperationReport, RunOperation } from '../../graphql/execution/operation.ts';
import type { ClientInfo } from '../../lib/client-info.ts';
import { inSpan, recordFailure, traceIdOf } from '../../lib/trace.ts';
import type { Metrics } from '../../metrics.ts';
import type { AccessLog, Caller } from '../access-log.ts';

/** The facts about a request that its steps have found. */
export interface SeenRequest {
  client?: ClientInfo;
  /** The path as the table of routes has it; undefined for an unknown one. */
  route?: string;
  caller?: Caller;
  /** The last operation that it has run. */
  operation?: OperationReport;
}

/** The observers of requests. */
export interface Observers {
  readonly metrics: Pick<Metrics, 'httpRequests' | 'httpDuration'>;
  readonly accessLog: AccessLog;
}

/** Responds, and reports the request when the work is over and the response sent or its connection lost. */
export async function observeRequest(
  { metrics, accessLog }: Observers,
  request: IncomingMessage,
  response: ServerResponse,
  respond: (seen: SeenRequest) => Promise<void> | void,
): Promise<void> {
  const startedAt = performance.now();
  const closed = new Promise<number | undefined>((resolve) => {
    response.once('close', () => resolve(response.headersSent ? response.statusCode : undefined));
  });
  const seen: SeenRequest = {};
  const { status, traceId } = await inSpan(spanOf(request), async (span) => {
    await respond(seen);
    const sent = await closed;
    describeSpan(span, request, seen, sent);
    return { status: sent, traceId: traceIdOf(span) };
  });
  const duration = performance.now() - startedAt;
  const { client, route = 'other', caller, operation } = seen;
  countRequest(metrics, route, status);
  if (!isEventStream(response)) metrics.httpDuration.observe({ route }, duration / 1_000);
  accessLog.request({ client, method: request.method, route, status, duration, caller, operation, traceId });
}

/** The span of a request. It belongs to the trace that the headers name. */
const spanOf = ({ method = '', headers }: IncomingMessage) => ({
  name: method,
  kind: SpanKind.SERVER,
  attributes: { 'http.request.method': method },
  parent: propagation.extract(context.active(), headers),
});

function describeSpan(span: Span, { method }: IncomingMessage, { route }: SeenRequest, status: number | undefined) {
  if (route) span.updateName(`${method} ${route}`).setAttribute('http.route', route);
  if (status) span.setAttribute('http.response.status_code', status);
  if (status !== undefined && status >= 500) recordFailure(span, String(status));
}

/** Reports an upgrade when its connection is closed: that of a WebSocket has the status 101. */
export function observeUpgrade({ metrics, accessLog }: Observers, client: ClientInfo, connection: Duplex, status: number) {
  const startedAt = performance.now();
  connection.once('close', () => {
    const duration = performance.now() - startedAt;
    countRequest(metrics, '/graphql', status);
    accessLog.request({ client, method: 'GET', route: '/graphql', status, duration });
  });
}

/** Counts a request by the class of its status. */
function countRequest({ httpRequests }: Pick<Metrics, 'httpRequests'>, route: string, status: number | undefined) {
  httpRequests.inc({ route, status: status === undefined ? 'aborted' : `${Math.floor(status / 100)}xx` });
}

/** Runs operations as part of the request. */
export const reportTo =
  (seen: SeenRequest, accessLog: AccessLog, run: RunOperation): RunOperation =>
  (operation) =>
    run({
      ...operation,
      report: (report) => {
        if (report.isOpen) accessLog.operation(operation.client, report);
        else seen.operation = report;
      },
    });

const isEventStream = (response: ServerResponse) => String(response.getHeader('content-type')).startsWith('text/event-stream');
