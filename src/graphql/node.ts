import { encodeGlobalID } from '@pothos/plugin-relay';
import { type GraphQLInterfaceType, type GraphQLResolveInfo, type GraphQLSchema, isObjectType } from 'graphql';
import { loadVisible } from '../authorization/evaluate/decisions.ts';
import { accessOf } from '../authorization/rules/registry.ts';
import { graphqlError } from '../errors.ts';
import { isUuid } from '../lib/validators.ts';
import { anyone } from '../policy/conditions.ts';
import type { Model } from '../policy/models.ts';
import { ownership } from '../policy/ownership.ts';
import type { Context } from './context.ts';

interface GlobalId {
  readonly typename: string;
  readonly id: string;
}

/** `node(id)`: an object by its global id; one that the viewer may not know of does not exist. */
export const nodeField = {
  access: anyone('each object brings its own rule'),
  description: 'The object with this global id.',
  args: { id: { description: 'The global id.' } },
  resolve: async (_: unknown, { id }: { id: GlobalId }, context: Context, info: GraphQLResolveInfo) => {
    const node = await find(context, info, id);
    if (!node) throw graphqlError('NOT_FOUND');
    return node;
  },
};

/** `nodes(ids)`: several at once; the entry of one that the viewer may not know of is null, with an error at its place. */
export const nodesField = {
  access: anyone('each object brings its own rule'),
  description: 'The objects with these global ids, in the same order.',
  nullable: { list: false, items: true },
  args: { ids: { description: 'The global ids, at most 100.' } },
  resolve: async (_: unknown, { ids }: { ids: GlobalId[] }, context: Context, info: GraphQLResolveInfo) => {
    if (ids.length > 100) throw graphqlError('INVALID_INPUT', { fields: { ids: ['at most 100'] } }); // security.md F24
    const found = await Promise.all(ids.map((id) => find(context, info, id)));
    return found.map((node) => node ?? graphqlError('NOT_FOUND'));
  },
};

/** The object with that id if the viewer may know of it. Pothos' own loading asks for all ids, seen or not, and fails if one has no row. */
async function find(context: Context, { schema }: GraphQLResolveInfo, { typename, id }: GlobalId) {
  const type = schema.getType(typename);
  const isNode = isObjectType(type) && type.getInterfaces().some(({ name }) => name === 'Node');
  if (!isNode || !Object.hasOwn(ownership, typename) || !isUuid(id)) return null;
  const row = await loadVisible(context, typename as Model, id);
  return row && { ...row, __typename: typename };
}

/**
 * The same schema, with ids that are at hand at once: the plugin resolves them asynchronously, which makes a promise of every object of a
 * list. An id whose rule is narrower than its type's keeps its guard.
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
