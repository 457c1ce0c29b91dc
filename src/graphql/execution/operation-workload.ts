import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { Workload, WorkloadClass } from '../../database/workload.ts';
import type { Context } from '../context.ts';

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
  const fields = type ? rootFields(type, document, selectionSet) : [];
  const classes = fields.map((field) => (type?.getFields()[field]?.extensions.workload as WorkloadClass | undefined) ?? defaultClass);
  const [first = defaultClass] = classes;
  const isUniform = classes.every((name) => name === first);
  // An operation with several fields counts towards the first one that has the class of the operation.
  const workload = isUniform ? first : defaultClass;
  return { class: workload, kind: `${type?.name}.${fields[classes.indexOf(workload)]}` };
}

/** The names of the selected root fields, with fragments expanded and `@skip` and `@include` ignored. */
function rootFields(type: GraphQLObjectType, document: DocumentNode, set: SelectionSetNode): string[] {
  return set.selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return selection.name.value.startsWith('__') ? [] : [selection.name.value];
    if (selection.kind === Kind.INLINE_FRAGMENT) return rootFields(type, document, selection.selectionSet);
    const fragment = document.definitions.find(
      (node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION && node.name.value === selection.name.value,
    );
    return fragment ? rootFields(type, document, fragment.selectionSet) : [];
  });
}
