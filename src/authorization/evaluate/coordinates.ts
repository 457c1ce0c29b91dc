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
import type { Viewer } from '../../identity/viewer.ts';
import { isIncluded } from '../../lib/is-included.ts';
import type { Model } from '../../policy/ownership.ts';
import { modelByCoordinate, mutationTargets, ruleByCoordinate } from '../rules/registry.ts';
import type { Rule } from '../rules/rule.ts';

/** A place of an operation that a rule guards, and of what is asked about there what the document says: its model, and its id. */
export interface GuardedCoordinate {
  readonly coordinate: string;
  readonly path: readonly string[];
  readonly rule: Rule;
  readonly model?: Model | undefined;
  readonly id?: string | undefined;
}

/** An object that a selection is about. */
interface Subject {
  readonly type: string;
  readonly id?: string | undefined;
}

interface Walk {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly variables: Record<string, unknown>;
  readonly asker: Viewer | null;
  readonly found: Map<string, GuardedCoordinate>;
}

/** The places of an operation, each coordinate once for each object that the document names. Call it within `checkLimits`: it follows every spread. */
export function collectCoordinates(of: Omit<Walk, 'found'>, operation: OperationDefinitionNode): GuardedCoordinate[] {
  const walk = { ...of, found: new Map<string, GuardedCoordinate>() };
  const type = of.schema.getRootType(operation.operation)?.name ?? '';
  follow(walk, operation.selectionSet, { type }, []);
  return [...walk.found.values()];
}

function follow(walk: Walk, { selections }: SelectionSetNode, subject: Subject, path: readonly string[]) {
  for (const node of selections.filter((one) => isIncluded(one, walk.variables))) {
    if (node.kind === Kind.FIELD) visit(walk, node, subject, path);
    else {
      const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : fragmentOf(walk, node.name.value);
      const type = fragment && narrowed(walk.schema, subject.type, fragment.typeCondition?.name.value);
      if (fragment && type) follow(walk, fragment.selectionSet, { ...subject, type }, path);
    }
  }
}

const fragmentOf = ({ document }: Walk, name: string) =>
  document.definitions.find((one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === name) as
    | FragmentDefinitionNode
    | undefined;

/** The type of the objects that a fragment is for; undefined where there are none. */
function narrowed(schema: GraphQLSchema, from: string, to = from): string | undefined {
  if (!isObjectType(schema.getType(from))) return to;
  return to === from || !isObjectType(schema.getType(to)) ? from : undefined;
}

function visit(walk: Walk, node: FieldNode, subject: Subject, above: readonly string[]) {
  const type = walk.schema.getType(subject.type);
  const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[node.name.value] : undefined;
  if (!field) return;
  const coordinate = `${subject.type}.${field.name}`;
  const path = [...above, node.alias?.value ?? node.name.value];
  const args = getArgumentValues(field, node, walk.variables);
  const target = mutationTarget(coordinate, args, walk.asker);
  note(walk, coordinate, path, (target ?? subject).id);
  for (const { name, type } of field.args) {
    const value = args[name];
    if (value != null && value !== false) note(walk, `${coordinate}(${name}:)`, path, idOf(value)?.id);
    for (const place of inputCoordinates(type, value)) note(walk, place, path, target?.id);
  }
  const inner = innerOf(walk, coordinate, getNamedType(field.type).name, args);
  if (node.selectionSet && inner) follow(walk, node.selectionSet, inner, path);
}

function note({ found }: Walk, coordinate: string, path: readonly string[], id: string | undefined) {
  const rule = ruleByCoordinate.get(coordinate);
  const model = modelByCoordinate.get(coordinate);
  const key = `${coordinate} ${model && id}`;
  if (rule && !found.has(key)) found.set(key, { coordinate, path, rule, ...(model && { model, id }) });
}

/** What the selection below a field is about; undefined where there is nothing below, as under `me` for nobody. */
function innerOf({ asker, schema }: Walk, coordinate: string, type: string, { id }: Record<string, unknown>): Subject | undefined {
  if (coordinate === 'Query.me' || coordinate === 'Viewer.user') return asker ? { type, id: asker.user.id } : undefined;
  const named = coordinate === 'Query.node' || coordinate === 'Query.user' ? idOf(id) : undefined;
  if (!named) return { type };
  const node = schema.getType(named.typename);
  const isNode = isObjectType(node) && node.getInterfaces().some(({ name }) => name === 'Node');
  return { type: type === 'Node' && isNode ? node.name : type, id: named.id };
}

/** The row that a mutation is about: what its input names, or the viewer where it names none. */
export function mutationTarget(
  coordinate: string,
  { input }: Record<string, unknown>,
  asker: Viewer | null,
): { id: string | undefined } | undefined {
  const about = mutationTargets.get(coordinate);
  if (!about) return undefined;
  const named = Object.values((input ?? {}) as object).map(idOf);
  return { id: named.find((one) => one?.typename === about.model)?.id ?? (about.model === 'User' ? asker?.user.id : undefined) };
}

/** The parts of a global id, as the server writes it. */
function idOf(value: unknown): { typename: string; id: string } | undefined {
  const text = typeof value === 'string' ? Buffer.from(value, 'base64').toString() : '';
  const [, typename, id] = /^(\w+):(.+)$/.exec(text) ?? [];
  return typename && id ? { typename, id } : undefined;
}

/** The coordinates of the fields of an input object that are given. */
export function inputCoordinates(type: GraphQLInputType, value: unknown): string[] {
  const named = getNamedType(type);
  if (!isInputObjectType(named) || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, given]) => (given === undefined ? [] : [`${named.name}.${name}`]));
}
