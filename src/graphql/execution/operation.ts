import type { ExecutionResult, GraphQLError, OperationTypeNode } from 'graphql';
import type { ErrorCode } from '../../errors.ts';
import type { ClientInfo } from '../../lib/client-info.ts';
import type { Context } from '../context.ts';
import type { ActiveSubscription, Connection } from './connection.ts';

/** The parameters of a GraphQL request. */
export interface OperationParams {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Record<string, unknown> | null | undefined;
  readonly extensions?: Record<string, unknown> | null | undefined;
}

/** An operation as a transport received it. */
export interface OperationRequest {
  readonly params: OperationParams;
  readonly client: ClientInfo;
  /** The value of the `authorization` header, or what stands for it on the transport. */
  readonly authorization: string | null;
  /** Where the client waits for the result: a query is cancelled when it closes. */
  readonly connection?: Connection;
  /** Where a subscription of the operation is registered while it is open. */
  readonly subscriptions?: Set<ActiveSubscription>;
  /** Lets the transport reject an operation that it cannot deliver, before it is executed. */
  readonly admit?: (operation: AuthenticatedOperation) => GraphQLError | undefined;
  /** Takes the report of the operation when it has ended and, of a subscription, also when it has begun. */
  readonly report?: (report: OperationReport) => void;
}

/** The report of an operation for operators. It has no text, variables or names that the client has chosen. */
export interface OperationReport {
  /** True for a subscription that has begun. */
  readonly isOpen: boolean;
  /** Undefined if the document was not valid. */
  readonly kind: OperationTypeNode | undefined;
  /** The names of the root fields, each once. */
  readonly fields: readonly string[];
  /** The codes of the errors, each once. */
  readonly codes: readonly ErrorCode[];
  /** The ids of its INTERNAL errors, under which the log has the causes; undefined if it has none. */
  readonly errorIds?: readonly string[] | undefined;
  /** In milliseconds. */
  readonly duration: number;
  /** The number of results of a subscription. */
  readonly events: number | undefined;
  readonly userId: string | undefined;
  readonly tokenId: string | undefined;
  /** The trace that the operation is part of, if it is traced. */
  readonly traceId: string | undefined;
}

/** A valid operation whose caller is known. */
export interface AuthenticatedOperation {
  readonly kind: OperationTypeNode;
  readonly context: Context;
}

/** The errors of an operation that was not executed. */
export interface Rejection {
  readonly rejected: true;
  readonly errors: readonly GraphQLError[];
}

export type OperationOutcome = ExecutionResult | Rejection | AsyncIterableIterator<ExecutionResult>;

/** Runs an operation. Never rejects: every failure is an error of the outcome. */
export type RunOperation = (request: OperationRequest) => Promise<OperationOutcome>;
