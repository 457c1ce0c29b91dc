import {
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  getOperationAST,
  getVariableValues,
  isInterfaceType,
  isIntrospectionType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  type ValueNode,
} from 'graphql';
import { graphqlError } from '../../errors.ts';

/** What one operation may be made of (security.md F22, F23, F25). */
const most = { depth: 12, aliases: 15, directives: 20, credentials: 1, cost: 5_000 } as const;
const mostRoots = { query: 10, mutation: 5, subscription: 1 } as const;
const mostFragments = 20;
const pageSize = 20; // what a list brings unless asked (security.md F24), and what one without pages is taken to bring

/** What a selection amounts to once its fragments are in place. */
type Measure = Record<keyof typeof most | 'roots', number>;

const nothing: Measure = { depth: 0, aliases: 0, directives: 0, roots: 0, credentials: 0, cost: 0 };
const measures = new WeakMap<OperationDefinitionNode, Measure>();

/** Throws QUERY_TOO_COMPLEX, with the name of the limit, for an operation that asks for too much. */
export function checkLimits(args: ExecutionArgs): void {
  const operation = getOperationAST(args.document, args.operationName);
  if (!operation) return;
  const measured = measures.get(operation) ?? measure(args, operation);
  if (measured.roots > mostRoots[operation.operation]) throw tooComplex('roots');
  for (const [name, limit] of Object.entries(most)) if (measured[name as keyof Measure] > limit) throw tooComplex(name);
}

const tooComplex = (limit: string) => graphqlError('QUERY_TOO_COMPLEX', { limit, http: { status: 400, headers: {} } });

function measure({ schema, document, variableValues }: ExecutionArgs, operation: OperationDefinitionNode): Measure {
  const fragments = new Map(document.definitions.flatMap((one) => (one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one]] : [])));
  if (fragments.size > mostFragments) throw tooComplex('fragments');
  const root = schema.getRootType(operation.operation);
  const walk = new Walk(schema, fragments, operation, variableValues ?? {});
  const found = walk.measure(operation.selectionSet, root?.name ?? '');
  // The introspection query that every tool sends is deeper than the limit; where it is closed, validation has refused it.
  const measured = isIntrospection(operation) ? { ...found, depth: 0 } : found;
  if (!walk.varies) measures.set(operation, measured);
  return measured;
}

const isIntrospection = ({ selectionSet }: OperationDefinitionNode) =>
  selectionSet.selections.every((one) => one.kind === Kind.FIELD && one.name.value === '__schema');

/** Goes through a document by resolved fields, not by names or aliases; each fragment once, so in time linear in the document. */
class Walk {
  readonly schema: GraphQLSchema;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly operation: OperationDefinitionNode;
  readonly given: Readonly<Record<string, unknown>>;
  readonly measured = new Map<string, Measure>();
  /** Whether the result depends on the variables. */
  varies = false;
  variables: Readonly<Record<string, unknown>> | undefined;

  constructor(
    schema: GraphQLSchema,
    fragments: ReadonlyMap<string, FragmentDefinitionNode>,
    operation: OperationDefinitionNode,
    given: Readonly<Record<string, unknown>>,
  ) {
    this.schema = schema;
    this.fragments = fragments;
    this.operation = operation;
    this.given = given;
  }

  measure(set: SelectionSetNode, typeName: string): Measure {
    const sum = { ...nothing };
    for (const selection of set.selections) {
      sum.directives += selection.directives?.length ?? 0;
      if (selection.kind === Kind.FIELD) this.addField(sum, selection, typeName);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) add(sum, this.fragment(selection.name.value));
      else add(sum, this.measure(selection.selectionSet, selection.typeCondition?.name.value ?? typeName));
    }
    return sum;
  }

  fragment(name: string): Measure {
    const node = this.fragments.get(name);
    const known = this.measured.get(name);
    if (known || !node) return known ?? nothing;
    this.measured.set(name, nothing); // for a circle, which validation refuses, where it came before or comes after
    const measured = this.measure(node.selectionSet, node.typeCondition.name.value);
    this.measured.set(name, measured);
    return measured;
  }

  addField(sum: Measure, node: FieldNode, typeName: string) {
    const field = this.fieldOf(typeName, node.name.value);
    const type = field && getNamedType(field.type);
    const inner = node.selectionSet && type ? this.measure(node.selectionSet, type.name) : nothing;
    const isFree = type && isIntrospectionType(type);
    const price = typeof field?.extensions.price === 'number' ? field.extensions.price : 1;
    const cost = isFree ? 0 : price + inner.cost * (field ? this.times(field, node, typeName) : 1);
    add(sum, { ...inner, roots: 1, credentials: field?.extensions.credential === true ? 1 : 0, depth: isFree ? 1 : inner.depth + 1, cost });
    sum.aliases += node.alias ? 1 : 0;
  }

  fieldOf(typeName: string, name: string): GraphQLField<unknown, unknown> | undefined {
    const meta = [SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef].find((one) => one.name === name);
    const type = this.schema.getType(typeName);
    return meta ?? (isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined);
  }

  /** How many objects a list may bring, by the actual values of its arguments. */
  times(field: GraphQLField<unknown, unknown>, node: FieldNode, parent: string): number {
    const isPaged = field.args.some(({ name }) => sizing.has(name));
    const isPlainList = isListType(getNullableType(field.type)) && !parent.endsWith('Connection'); // a page counts where it is asked for
    if (!isPaged) return isPlainList && node.selectionSet ? pageSize : 1;
    const sizes = node.arguments?.flatMap(({ name, value }) => (sizing.has(name.value) ? this.size(value) : [])) ?? [];
    return sizes.length > 0 ? Math.max(1, ...sizes) : pageSize;
  }

  size(value: ValueNode): number | [] {
    if (value.kind === Kind.INT) return Number(value.value);
    if (value.kind === Kind.LIST) return value.values.length;
    if (value.kind !== Kind.VARIABLE) return [];
    this.varies = true;
    // With the operation's defaults; values that do not fit their types are what execution will refuse.
    this.variables ??= getVariableValues(this.schema, this.operation.variableDefinitions ?? [], this.given).coerced ?? {};
    const said = this.variables[value.name.value];
    return Array.isArray(said) ? said.length : typeof said === 'number' ? said : [];
  }
}

const sizing = new Set(['first', 'last', 'ids']);

function add(sum: Measure, inner: Measure) {
  for (const name of ['aliases', 'directives', 'roots', 'credentials', 'cost'] as const) sum[name] += inner[name];
  sum.depth = Math.max(sum.depth, inner.depth);
}
