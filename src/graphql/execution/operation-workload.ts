import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import type { Workload, WorkloadClass } from '../../database/workload.ts';
import type { Context } from '../context.ts';
import { rootFieldNames } from './root-fields.ts';

const defaultClasses = { query: 'read', mutation: 'write', subscription: 'subscription' } as const;

type OperationKind = Pick<Workload, 'class' | 'kind'>;

const kinds = new WeakMap<OperationDefinitionNode, OperationKind>();

/** What the operation needs connections for: the class of its root fields, if all have the same one, otherwise that of its type. */
export function workloadOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  { viewer, client }: Pick<Context, 'viewer' | 'client'>,
): Workload {
  const kind = kinds.get(operation) ?? kindOf(schema, document, operation);
  kinds.set(operation, kind);
  return { ...kind, party: viewer ? viewer.user.id : client.network };
}

function kindOf(schema: GraphQLSchema, document: DocumentNode, { operation, selectionSet }: OperationDefinitionNode): OperationKind {
  const type = schema.getRootType(operation);
  const defaultClass = defaultClasses[operation];
  const fields = rootFieldNames(document, selectionSet);
  const classes = fields.map((field) => (type?.getFields()[field]?.extensions.workload as WorkloadClass | undefined) ?? defaultClass);
  const [first = defaultClass] = classes;
  const isUniform = classes.every((name) => name === first);
  const workload = isUniform ? first : defaultClass;
  // An operation with several fields counts towards the first one that has the class of the operation, or the first one if none has.
  const field = fields[classes.indexOf(workload)] ?? fields[0] ?? '__typename';
  return { class: workload, kind: `${type?.name}.${field}` };
}
