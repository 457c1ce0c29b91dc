import type { OperationReport } from '../graphql/execution/operation.ts';
import type { ClientInfo } from '../lib/client-info.ts';
import { type Logger, withoutRedaction } from '../logger.ts';

/** A finished HTTP request, or a WebSocket that was closed. */
interface RequestReport {
  readonly client: ClientInfo | undefined;
  readonly method: string | undefined;
  readonly route: string;
  /** Undefined if the client disconnected before the response began. */
  readonly status: number | undefined;
  /** In milliseconds. */
  readonly duration: number;
  readonly caller?: Caller | undefined;
  readonly operation?: OperationReport | undefined;
  readonly traceId?: string | undefined;
}

/** Who a request was authenticated as. */
export type Caller = Pick<OperationReport, 'userId' | 'tokenId'>;

/**
 * Logs a line for each request, and for each operation of a WebSocket. The fields have no text, variables, names, paths or queries that the client has
 * chosen, so they need no redaction; its `x-request-id` has a limited alphabet and length (security.md 16.8). Probes are logged at the level `debug`.
 */
export interface AccessLog {
  request(report: RequestReport): void;
  /** The start of a subscription, or the end of an operation on a WebSocket. */
  operation(client: ClientInfo, report: OperationReport): void;
}

export function createAccessLog(redacted: Logger): AccessLog {
  const log = withoutRedaction(redacted);
  return {
    request(report) {
      const level = report.route.startsWith('/health/') ? 'debug' : 'info';
      if (log.isLevelEnabled(level)) log[level](requestFields(report));
    },
    operation(client, report) {
      const event = report.isOpen ? 'graphql_subscription_started' : 'graphql_operation';
      if (log.isLevelEnabled('info'))
        log.info({
          event,
          ...originOf(client),
          ...durationOf(report),
          ...operationFields(report),
          ...callerOf(report),
          traceId: report.traceId,
        });
    },
  };
}

const requestFields = ({ client, method, route, status, duration, caller, operation, traceId }: RequestReport) => ({
  event: 'http_request' as const,
  ...originOf(client),
  method,
  route,
  ...(status === undefined ? { aborted: true } : { status }),
  ...durationOf({ duration }),
  ...(operation && operationFields(operation)),
  ...callerOf(operation ?? caller ?? {}),
  traceId,
});

const originOf = ({ requestId, network }: Partial<ClientInfo> = {}) => ({ requestId, network });

const durationOf = ({ duration }: { readonly duration: number }) => ({ durationMs: Math.round(duration * 100) / 100 });

const operationFields = ({ kind, fields, codes, errorIds, events }: OperationReport) => ({ kind, fields, codes, errorIds, events });

const callerOf = ({ userId, tokenId }: Partial<Caller>) => ({ userId, tokenId });
