import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLInputType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { type SelectionContext, selectedFields } from '../../lib/selections.ts';
import type { Access, ModelOf, PolicyTypes } from '../rules/policy.ts';
import { accessOf } from '../rules/registry.ts';
import type { Rule } from '../rules/rule.ts';

/** A guarded coordinate that an operation uses, with the row that it is about if the document names one. */
export interface GuardedCoordinate<Model extends string = string> {
  readonly coordinate: string;
  /** The response path of the first use. */
  readonly path: readonly string[];
  readonly rule: Rule;
  readonly model?: Model | undefined;
  readonly id?: string | undefined;
}

interface OperationSource<T extends PolicyTypes> {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  /** The coerced variables. */
  readonly variables: Record<string, unknown>;
  readonly viewer: T['Viewer'] | null;
}

/** The object that a selection set is about; its id only if the document names it. */
interface SelectedObject {
  readonly type: string;
  readonly id?: string | undefined;
}

interface Collector extends SelectionContext {
  readonly access: Access;
  readonly viewer: object | null;
  readonly found: Map<string, GuardedCoordinate>;
}

/**
 * The guarded coordinates of an operation, each once per row that the document names. Expands every fragment spread: call it only for a
 * document within the query limits.
 */
export function collectCoordinates<T extends PolicyTypes>(
  { schema, document, variables, viewer }: OperationSource<T>,
  operation: OperationDefinitionNode,
): GuardedCoordinate<ModelOf<T>>[] {
  const collector: Collector = { schema, fragments: fragmentsIn(document), variables, viewer, access: accessOf(schema), found: new Map() };
  const type = schema.getRootType(operation.operation)?.name ?? '';
  collectSelection(collector, operation.selectionSet, { type }, []);
  return [...collector.found.values()] as GuardedCoordinate<ModelOf<T>>[];
}

const fragmentsIn = ({ definitions }: DocumentNode): Record<string, FragmentDefinitionNode> =>
  Object.fromEntries(definitions.flatMap((one) => (one.kind === Kind.FRAGMENT_DEFINITION ? [[one.name.value, one]] : [])));

function collectSelection(collector: Collector, set: SelectionSetNode, object: SelectedObject, path: readonly string[]) {
  for (const { node, type } of selectedFields(collector, set, object.type)) collectField(collector, node, { ...object, type }, path);
}

function collectField(collector: Collector, node: FieldNode, object: SelectedObject, parentPath: readonly string[]) {
  const type = collector.schema.getType(object.type);
  const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[node.name.value] : undefined;
  if (!field) return;
  const coordinate = `${object.type}.${field.name}`;
  const path = [...parentPath, node.alias?.value ?? node.name.value];
  const args = getArgumentValues(field, node, collector.variables);
  const target = mutationTargetId(collector.access, coordinate, args, collector.viewer);
  addCoordinate(collector, coordinate, path, target ? target.id : object.id);
  for (const { name, type } of field.args) {
    const value = args[name];
    if (value != null && value !== false) addCoordinate(collector, `${coordinate}(${name}:)`, path, parseGlobalId(value)?.id);
    for (const input of inputCoordinates(type, value)) addCoordinate(collector, input, path, target?.id);
  }
  const returned = returnedObject(collector, coordinate, getNamedType(field.type).name, args);
  if (node.selectionSet && returned) collectSelection(collector, node.selectionSet, returned, path);
}

function addCoordinate({ access, found }: Collector, coordinate: string, path: readonly string[], id: string | undefined) {
  const rule = access.rules.get(coordinate);
  const model = access.models.get(coordinate);
  const key = `${coordinate} ${model && id}`;
  if (rule && !found.has(key)) found.set(key, { coordinate, path, rule, ...(model && { model, id }) });
}

/** The object that a field returns; undefined if it returns none, as `me` for anonymous callers. */
function returnedObject(
  { access, viewer, schema }: Collector,
  coordinate: string,
  type: string,
  args: Record<string, unknown>,
): SelectedObject | undefined {
  const { policy } = access;
  const known = policy.knownRows[coordinate];
  if (known === 'viewer') return viewer ? { type, id: policy.viewerRow(viewer).id } : undefined;
  const named = known === 'id' ? parseGlobalId(args.id) : undefined;
  if (!named) return { type };
  // The id tells which type an interface field returns.
  const [declared, actual] = [schema.getType(type), schema.getType(named.typename)];
  const isNarrower = isInterfaceType(declared) && isObjectType(actual) && schema.isSubType(declared, actual);
  return { type: isNarrower ? actual.name : type, id: named.id };
}

/** The id of the row that a mutation is about: the one that its input names, or the viewer's own if it names none. Undefined if it is about no row. */
export function mutationTargetId(
  { mutationTargets, policy }: Access,
  coordinate: string,
  { input }: Record<string, unknown>,
  viewer: object | null,
): { readonly id: string | undefined } | undefined {
  const target = mutationTargets.get(coordinate);
  if (!target) return undefined;
  const named = Object.values((input ?? {}) as object)
    .map(parseGlobalId)
    .find((id) => id?.typename === target.model);
  if (named) return { id: named.id };
  return { id: viewer && target.model === policy.ownership.ownerModel ? policy.viewerRow(viewer).id : undefined };
}

/** The parts of a Relay global id as the server encodes it. */
function parseGlobalId(value: unknown): { readonly typename: string; readonly id: string } | undefined {
  const text = typeof value === 'string' ? Buffer.from(value, 'base64').toString() : '';
  const { typename, id } = /^(?<typename>\w+):(?<id>.+)$/.exec(text)?.groups ?? {};
  return typename && id ? { typename, id } : undefined;
}

/** The coordinates of the fields that an input object contains. */
export function inputCoordinates(type: GraphQLInputType, value: unknown): string[] {
  const named = getNamedType(type);
  if (!isInputObjectType(named) || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, given]) => (given === undefined ? [] : [`${named.name}.${name}`]));
}
