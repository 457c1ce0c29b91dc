import type { ExecutionArgs, ExecutionResult, GraphQLError, OperationTypeNode } from 'graphql';
import type { Census } from '../../transport/connection-limiter.ts';
import type { Connection } from './connection.ts';
import type { Client } from '../context.ts';
import type { Params } from '../../transport/http/request-guard.ts';

/** What a transport says of the caller. */
export interface Caller {
  readonly client: Client;
  readonly authorization: string | null;
  readonly connection: Connection;
  /** Who has lines open at this node. */
  readonly census: Census;
}

/** An operation that may be executed: parsed, valid, and asked by somebody who was identified. */
export interface Prepared {
  readonly args: ExecutionArgs;
  readonly kind: OperationTypeNode;
  readonly execute: (args: ExecutionArgs) => Promise<ExecutionResult>;
  readonly subscribe: (args: ExecutionArgs) => Promise<AsyncIterable<ExecutionResult> | ExecutionResult>;
}

/** Makes an operation ready; answers the errors for which it is not executed instead. */
export type Prepare = (caller: Caller, params: Params) => Promise<Prepared | readonly GraphQLError[]>;
