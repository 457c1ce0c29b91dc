import { encodeGlobalID } from '@pothos/plugin-relay';
import { type GraphQLInterfaceType, type GraphQLResolveInfo, type GraphQLSchema, isObjectType } from 'graphql';
import { loadVisible } from '../authorization/evaluate/decisions.ts';
import { accessOf } from '../authorization/rules/registry.ts';
import { graphqlError, validationError } from '../errors.ts';
import { isUuid } from '../lib/validators.ts';
import { anyone } from '../policy/conditions.ts';
import type { Model } from '../policy/models.ts';
import { ownership } from '../policy/ownership.ts';
import type { Context } from './context.ts';

const maxIds = 100; // security.md F24

interface GlobalId {
  readonly typename: string;
  readonly id: string;
}

/** `node(id)`. An object that the viewer cannot see is NOT_FOUND. */
export const nodeField = {
  access: anyone('the rule of each object applies'),
  description: 'The object with this global ID.',
  args: { id: { description: 'The global ID.' } },
  resolve: async (_: unknown, { id }: { id: GlobalId }, context: Context, info: GraphQLResolveInfo) => {
    const node = await findNode(context, info, id);
    if (!node) throw graphqlError('NOT_FOUND');
    return node;
  },
};

/** `nodes(ids)`. An object that the viewer cannot see is null, with an error at its path. */
export const nodesField = {
  access: anyone('the rule of each object applies'),
  description: 'The objects with these global IDs, in the same order.',
  nullable: { list: false, items: true },
  args: { ids: { description: 'The global IDs. Maximum 100.' } },
  resolve: async (_: unknown, { ids }: { ids: GlobalId[] }, context: Context, info: GraphQLResolveInfo) => {
    if (ids.length > maxIds) throw validationError({ ids: [`must have at most ${maxIds} entries`] });
    const found = await Promise.all(ids.map((id) => findNode(context, info, id)));
    return found.map((node) => node ?? graphqlError('NOT_FOUND'));
  },
};

/** Loads the object if the viewer can see it. The loading of the Pothos plugin ignores visibility and fails for an id without a row. */
async function findNode(context: Context, { schema }: GraphQLResolveInfo, { typename, id }: GlobalId) {
  const type = schema.getType(typename);
  const isNode = isObjectType(type) && type.getInterfaces().some(({ name }) => name === 'Node');
  if (!isNode || !Object.hasOwn(ownership, typename) || !isUuid(id)) return null;
  const row = await loadVisible(context, typename as Model, id);
  return row && { ...row, __typename: typename };
}

/**
 * Replaces the resolvers of global IDs by synchronous ones. Those of the plugin are asynchronous, which costs a promise for each object of a
 * list. An ID with a stricter rule than its type keeps its guarded resolver.
 */
export function withSyncIds(schema: GraphQLSchema): GraphQLSchema {
  const { rules } = accessOf(schema);
  const node = schema.getType('Node') as GraphQLInterfaceType;
  for (const type of schema.getPossibleTypes(node)) {
    const { id } = type.getFields();
    const isPlain = rules.get(`${type.name}.id`) === rules.get(type.name);
    if (id && isPlain) id.resolve = (row: { id: string }) => encodeGlobalID(type.name, row.id);
  }
  return schema;
}
