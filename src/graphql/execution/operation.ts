import type { ExecutionArgs, ExecutionResult, GraphQLError, OperationTypeNode } from 'graphql';
import type { ClientInfo } from '../../lib/client-info.ts';
import type { ConnectionLimiter } from '../../transport/connection-limiter.ts';
import type { OperationParams } from '../../transport/http/request-guard.ts';
import type { Connection } from './connection.ts';

/** What a transport says of the caller. */
export interface RequestInfo {
  readonly client: ClientInfo;
  readonly authorization: string | null;
  readonly connection: Connection;
  /** Who has lines open at this node. */
  readonly connectionLimiter: ConnectionLimiter;
}

/** An operation that may be executed: parsed, valid, and asked by somebody who was identified. */
export interface PreparedOperation {
  readonly args: ExecutionArgs;
  readonly kind: OperationTypeNode;
  readonly execute: (args: ExecutionArgs) => Promise<ExecutionResult>;
  readonly subscribe: (args: ExecutionArgs) => Promise<AsyncIterable<ExecutionResult> | ExecutionResult>;
}

/** Makes an operation ready; answers the errors for which it is not executed instead. */
export type PrepareOperation = (caller: RequestInfo, params: OperationParams) => Promise<PreparedOperation | readonly GraphQLError[]>;
