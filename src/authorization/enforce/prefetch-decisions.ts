import { isThenable } from '@pothos/core';
import {
  type FieldNode,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  isObjectType,
  type SelectionSetNode,
} from 'graphql';
import type { Context } from '../../graphql/context.ts';
import { isIncluded } from '../../lib/is-included.ts';
import type { Model, Row } from '../../policy/ownership.ts';
import { decide, prefetchDecisions } from '../evaluate/decisions.ts';
import { modelByCoordinate, ruleOf } from '../rules/registry.ts';
import type { Rule } from '../rules/rule.ts';

/** In the extensions of a field: the rules that it asks about its object, besides its own. */
export interface ExtraRules {
  readonly extraRules?: (schema: GraphQLSchema, type: GraphQLObjectType) => readonly Rule[];
}

/** Where the rows of a list are: the list itself, or the nodes of a connection. */
type Shape = 'list' | 'connection';

/**
 * The resolver of a list whose rows are settled before their fields run: what these will ask is asked for all rows at once, and each finds
 * its verdict without a promise of its own. Only when the database is asked changes by it, never what it is asked or answers.
 */
export function withPrefetch<Args>(resolve: GraphQLFieldResolver<unknown, Context, Args>, shape: Shape): typeof resolve {
  return (source, args, context, info) => {
    const { model, rules } = askedBelow(info, shape);
    const open = model ? rules.filter((rule) => decide(context, rule, model) === undefined) : [];
    const list = resolve(source, args, context, info);
    if (!model || open.length === 0) return list;
    const settled = (rows: unknown) => {
      const asking = prefetchDecisions(context, open, model, rowsIn(rows, shape));
      return asking ? asking.then(() => rows) : rows;
    };
    return isThenable(list) ? list.then(settled) : settled(list);
  };
}

function rowsIn(list: unknown, shape: Shape): Row[] {
  const entries = shape === 'list' ? list : (list as { edges?: unknown } | null)?.edges;
  if (!Array.isArray(entries)) return [];
  const rows: unknown[] = shape === 'list' ? entries : entries.map((edge) => edge?.node);
  return rows.filter((row): row is Row => typeof (row as Row | null)?.id === 'string');
}

/** What the fields below a list ask about its rows. */
interface Asked {
  readonly model: Model | undefined;
  readonly rules: readonly Rule[];
}

// GraphQL.js makes one array of nodes for a field of an execution, whose variables say what is skipped, and hands it to each of its resolvers.
const known = new WeakMap<readonly FieldNode[], Asked>();

const askedBelow = (info: GraphQLResolveInfo, shape: Shape): Asked => known.get(info.fieldNodes) ?? find(info, shape);

function find(info: GraphQLResolveInfo, shape: Shape): Asked {
  let type: unknown = getNamedType(info.returnType);
  let nodes = info.fieldNodes;
  for (const name of shape === 'list' ? [] : ['edges', 'node']) {
    if (!isObjectType(type)) break;
    nodes = fieldsBelow(info, type, nodes).filter((node) => node.name.value === name);
    type = getNamedType(type.getFields()[name]?.type);
  }
  const model = isObjectType(type) && nodes.length > 0 ? modelByCoordinate.get(type.name) : undefined;
  const asked = isObjectType(type) && model ? { model, rules: rulesOf(info, type, nodes) } : { model: undefined, rules: [] };
  known.set(info.fieldNodes, asked);
  return asked;
}

/** The rule of the type and of each field that is asked for, each once. */
function rulesOf(info: GraphQLResolveInfo, type: GraphQLObjectType, nodes: readonly FieldNode[]): Rule[] {
  const fields = fieldsBelow(info, type, nodes).flatMap((node) => type.getFields()[node.name.value] ?? []);
  const rules = fields.flatMap(({ name, extensions }) => [
    ruleOf(`${type.name}.${name}`),
    ...((extensions as ExtraRules).extraRules?.(info.schema, type) ?? []),
  ]);
  return [...new Set([ruleOf(type.name), ...rules])];
}

const fieldsBelow = (info: GraphQLResolveInfo, type: GraphQLObjectType, nodes: readonly FieldNode[]) =>
  nodes.flatMap((node) => fieldsIn(info, type, node.selectionSet));

function fieldsIn(info: GraphQLResolveInfo, type: GraphQLObjectType, set: SelectionSetNode | undefined): FieldNode[] {
  const included = set?.selections.filter((node) => isIncluded(node, info.variableValues)) ?? [];
  return included.flatMap((node) => {
    if (node.kind === 'Field') return [node];
    const fragment = node.kind === 'FragmentSpread' ? info.fragments[node.name.value] : node;
    const isFor = fragment?.typeCondition?.name.value ?? type.name;
    const applies = isFor === type.name || type.getInterfaces().some(({ name }) => name === isFor);
    return fragment && applies ? fieldsIn(info, type, fragment.selectionSet) : [];
  });
}
