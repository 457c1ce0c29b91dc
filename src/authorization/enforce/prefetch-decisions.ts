import {
  type FieldNode,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  isObjectType,
} from 'graphql';
import { mapMaybe } from '../../lib/map-maybe.ts';
import { selectedFields } from '../../lib/selections.ts';
import { decide, prefetchDecisions } from '../evaluate/decisions.ts';
import type { AccessContext, Row } from '../rules/policy.ts';
import { ruleOf } from '../rules/registry.ts';
import type { Rule } from '../rules/rule.ts';

/** In the extensions of a field: rules that its resolver decides for its object, in addition to the field's own. */
export interface ExtraRules {
  readonly extraRules?: (schema: GraphQLSchema, type: GraphQLObjectType) => readonly Rule[];
}

/** Where the rows of a list are: the list itself, or the nodes of a connection. */
export type ListShape = 'list' | 'connection';

/**
 * Wraps the resolver of a list: what the selected fields will ask about each row is asked for all rows at once, so that their guards then
 * decide synchronously. This changes when the database is asked, never what it is asked or answers.
 */
export function withPrefetch<Args>(
  resolve: GraphQLFieldResolver<unknown, AccessContext, Args>,
  shape: ListShape,
): GraphQLFieldResolver<unknown, AccessContext, Args> {
  return (source, args, context, info) => {
    const { model, rules } = rulesBelow(context, info, shape);
    const undecided = model ? rules.filter((rule) => decide(context, rule, model) === undefined) : [];
    const list: unknown = resolve(source, args, context, info);
    if (!model || undecided.length === 0) return list;
    return mapMaybe(list, (rows) => prefetchDecisions(context, undecided, model, rowsIn(rows, shape))?.then(() => rows) ?? rows);
  };
}

function rowsIn(list: unknown, shape: ListShape): Row[] {
  const entries = shape === 'list' ? list : (list as { edges?: unknown } | null)?.edges;
  if (!Array.isArray(entries)) return [];
  const rows: unknown[] = shape === 'list' ? entries : entries.map((edge) => edge?.node);
  return rows.filter((row): row is Row => typeof (row as Row | null)?.id === 'string');
}

/** The rules that the fields below a list ask about its rows. */
interface RulesBelow {
  readonly model: string | undefined;
  readonly rules: readonly Rule[];
}

// GraphQL.js creates one array of nodes per field and execution and passes it to each call of the resolver, so it stands for the variables too.
const rulesByNodes = new WeakMap<readonly FieldNode[], RulesBelow>();

function rulesBelow(context: AccessContext, info: GraphQLResolveInfo, shape: ListShape): RulesBelow {
  const found = rulesByNodes.get(info.fieldNodes) ?? findRules(context, info, shape);
  rulesByNodes.set(info.fieldNodes, found);
  return found;
}

function findRules(context: AccessContext, info: GraphQLResolveInfo, shape: ListShape): RulesBelow {
  let type: unknown = getNamedType(info.returnType);
  let nodes = info.fieldNodes;
  for (const name of shape === 'list' ? [] : ['edges', 'node']) {
    if (!isObjectType(type)) break;
    nodes = fieldsBelow(info, type, nodes).filter((node) => node.name.value === name);
    type = getNamedType(type.getFields()[name]?.type);
  }
  const model = isObjectType(type) && nodes.length > 0 ? context.access.models.get(type.name) : undefined;
  return isObjectType(type) && model ? { model, rules: rulesOf(context, info, type, nodes) } : { model: undefined, rules: [] };
}

/** The rules of the type and of each selected field, each once. */
function rulesOf(context: AccessContext, info: GraphQLResolveInfo, type: GraphQLObjectType, nodes: readonly FieldNode[]): Rule[] {
  const fields = fieldsBelow(info, type, nodes).flatMap((node) => type.getFields()[node.name.value] ?? []);
  const rules = fields.flatMap(({ name, extensions }) => [
    ruleOf(context, `${type.name}.${name}`),
    ...((extensions as ExtraRules).extraRules?.(info.schema, type) ?? []),
  ]);
  return [...new Set([ruleOf(context, type.name), ...rules])];
}

function fieldsBelow({ schema, fragments, variableValues }: GraphQLResolveInfo, type: GraphQLObjectType, nodes: readonly FieldNode[]) {
  const selection = { schema, fragments, variables: variableValues };
  return nodes.flatMap(({ selectionSet }) => selectedFields(selection, selectionSet, type.name).map(({ node }) => node));
}
