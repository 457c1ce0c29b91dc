import type { ExecutionResult, GraphQLError, OperationTypeNode } from 'graphql';
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
