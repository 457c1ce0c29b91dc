import {
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLError,
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

/** The limits of one operation (security.md F22, F23, F25). */
const limits = { depth: 12, aliases: 15, directives: 20, credentials: 1, cost: 5_000 } as const;
const maxRootFields = { query: 10, mutation: 5, subscription: 1 } as const;
const maxFragments = 20;
const defaultPageSize = 20; // security.md F24; also assumed for lists without pages

/** The size of a selection with its fragments expanded. */
type Measure = Record<keyof typeof limits | 'roots', number>;

const empty: Measure = { depth: 0, aliases: 0, directives: 0, roots: 0, credentials: 0, cost: 0 };
const measures = new WeakMap<OperationDefinitionNode, Measure>();

/** The error QUERY_TOO_COMPLEX with the name of the limit that the operation exceeds; undefined if it exceeds none. */
export function checkLimits(args: ExecutionArgs): GraphQLError | undefined {
  const operation = getOperationAST(args.document, args.operationName);
  if (!operation) return undefined;
  const measure = measures.get(operation) ?? measureOperation(args, operation);
  if (measure === 'fragments') return tooComplex('fragments');
  if (measure.roots > maxRootFields[operation.operation]) return tooComplex('roots');
  for (const name in limits) if (measure[name as keyof Measure] > limits[name as keyof typeof limits]) return tooComplex(name);
  return undefined;
}

const tooComplex = (limit: string) => graphqlError('QUERY_TOO_COMPLEX', { limit, http: { status: 400, headers: {} } });

function measureOperation({ schema, document, variableValues }: ExecutionArgs, operation: OperationDefinitionNode): Measure | 'fragments' {
  const fragments = new Map(
    document.definitions.flatMap((node) => (node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, node]] : [])),
  );
  if (fragments.size > maxFragments) return 'fragments';
  const root = schema.getRootType(operation.operation);
  const visitor = new DocumentVisitor(schema, fragments, operation, variableValues ?? {});
  const total = visitor.measure(operation.selectionSet, root?.name ?? '');
  // The introspection query of every tool is deeper than the limit; where introspection is disabled, validation has rejected it.
  const measure = isIntrospection(operation) ? { ...total, depth: 0 } : total;
  if (!visitor.dependsOnVariables) measures.set(operation, measure);
  return measure;
}

const isIntrospection = ({ selectionSet }: OperationDefinitionNode) =>
  selectionSet.selections.every((node) => node.kind === Kind.FIELD && node.name.value === '__schema');

/** Measures a document by its resolved fields, not by names or aliases; each fragment once, so in time linear in the document. */
class DocumentVisitor {
  readonly schema: GraphQLSchema;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly operation: OperationDefinitionNode;
  readonly rawVariables: Readonly<Record<string, unknown>>;
  readonly fragmentMeasures = new Map<string, Measure>();
  dependsOnVariables = false;
  variables: Readonly<Record<string, unknown>> | undefined;

  constructor(
    schema: GraphQLSchema,
    fragments: ReadonlyMap<string, FragmentDefinitionNode>,
    operation: OperationDefinitionNode,
    rawVariables: Readonly<Record<string, unknown>>,
  ) {
    this.schema = schema;
    this.fragments = fragments;
    this.operation = operation;
    this.rawVariables = rawVariables;
  }

  measure(set: SelectionSetNode, typeName: string): Measure {
    const sum = { ...empty };
    for (const selection of set.selections) {
      sum.directives += selection.directives?.length ?? 0;
      if (selection.kind === Kind.FIELD) this.addField(sum, selection, typeName);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) add(sum, this.measureFragment(selection.name.value));
      else add(sum, this.measure(selection.selectionSet, selection.typeCondition?.name.value ?? typeName));
    }
    return sum;
  }

  measureFragment(name: string): Measure {
    const node = this.fragments.get(name);
    const cached = this.fragmentMeasures.get(name);
    if (cached || !node) return cached ?? empty;
    this.fragmentMeasures.set(name, empty); // ends a cycle, in case validation did not run before
    const measure = this.measure(node.selectionSet, node.typeCondition.name.value);
    this.fragmentMeasures.set(name, measure);
    return measure;
  }

  addField(sum: Measure, node: FieldNode, typeName: string) {
    const field = this.fieldOf(typeName, node.name.value);
    const type = field && getNamedType(field.type);
    const inner = node.selectionSet && type ? this.measure(node.selectionSet, type.name) : empty;
    const isFree = type && isIntrospectionType(type);
    const own = typeof field?.extensions.complexity === 'number' ? field.extensions.complexity : 1;
    const cost = isFree ? 0 : own + inner.cost * (field ? this.maxItems(field, node, typeName) : 1);
    const credentials = field?.extensions.credential === true ? 1 : 0;
    add(sum, { ...inner, roots: 1, credentials, depth: isFree ? 1 : inner.depth + 1, cost });
    sum.aliases += node.alias ? 1 : 0;
  }

  fieldOf(typeName: string, name: string): GraphQLField<unknown, unknown> | undefined {
    const meta = [SchemaMetaFieldDef, TypeMetaFieldDef, TypeNameMetaFieldDef].find((field) => field.name === name);
    const type = this.schema.getType(typeName);
    return meta ?? (isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined);
  }

  /** How many items the field may return, by the actual values of its arguments. */
  maxItems(field: GraphQLField<unknown, unknown>, node: FieldNode, parent: string): number {
    const isPaged = field.args.some(({ name }) => sizeArguments.has(name));
    const isPlainList = isListType(getNullableType(field.type)) && !parent.endsWith('Connection'); // the connection's field is counted instead
    if (!isPaged) return isPlainList && node.selectionSet ? defaultPageSize : 1;
    const sizes = (node.arguments ?? [])
      .filter(({ name }) => sizeArguments.has(name.value))
      .map(({ value }) => this.sizeOf(value))
      .filter((size) => size !== undefined);
    return sizes.length > 0 ? Math.max(1, ...sizes) : defaultPageSize;
  }

  sizeOf(value: ValueNode): number | undefined {
    if (value.kind === Kind.INT) return Number(value.value);
    if (value.kind === Kind.LIST) return value.values.length;
    if (value.kind !== Kind.VARIABLE) return undefined;
    this.dependsOnVariables = true;
    // With the defaults of the operation. Values that do not match their types are left to the execution to reject.
    this.variables ??= getVariableValues(this.schema, this.operation.variableDefinitions ?? [], this.rawVariables).coerced ?? {};
    const size = this.variables[value.name.value];
    if (Array.isArray(size)) return size.length;
    return typeof size === 'number' ? size : undefined;
  }
}

const sizeArguments = new Set(['first', 'last', 'ids']);

function add(sum: Measure, inner: Measure) {
  for (const name of ['aliases', 'directives', 'roots', 'credentials', 'cost'] as const) sum[name] += inner[name];
  sum.depth = Math.max(sum.depth, inner.depth);
}
