import { type Model, ownedBy } from './access/ownership.ts';
import { rules } from './access/rules.ts';
import { verdict } from './access/verdict.ts';
import { anyone } from './access/vocabulary.ts';
import type { Context } from './context.ts';
import { failure } from './errors.ts';
import { isUuid } from './input.ts';

interface GlobalId {
  readonly typename: string;
  readonly id: string;
}

/** `node(id)`: an object by its global id; one that the viewer may not know of does not exist. */
export const nodeField = {
  access: anyone('each object brings its own rule'),
  description: 'The object with this global id.',
  args: { id: { description: 'The global id.' } },
  resolve: async (_: unknown, { id }: { id: GlobalId }, context: Context, __: unknown, load: (id: GlobalId) => unknown) => {
    if (!(await isSeen(context, id))) throw failure('NOT_FOUND');
    return load(id);
  },
};

/** `nodes(ids)`: several at once; the entry of one that the viewer may not know of is null, with an error at its place. */
export const nodesField = {
  access: anyone('each object brings its own rule'),
  description: 'The objects with these global ids, in the same order.',
  nullable: { list: false, items: true },
  args: { ids: { description: 'The global ids, at most 100.' } },
  resolve: async (
    _: unknown,
    { ids }: { ids: GlobalId[] },
    context: Context,
    __: unknown,
    load: (ids: GlobalId[]) => Promise<unknown[]>,
  ) => {
    if (ids.length > 100) throw failure('INVALID_INPUT', { fields: { ids: ['at most 100'] } }); // security.md F24
    const seen = await Promise.all(ids.map((id) => isSeen(context, id)));
    const found = await load(ids.filter((_id, index) => seen[index]));
    let next = 0;
    return seen.map((yes) => (yes ? found[next++] : failure('NOT_FOUND')));
  },
};

const isSeen = async (context: Context, { typename, id }: GlobalId) => {
  const rule = typename in ownedBy && isUuid(id) ? rules.get(typename) : undefined;
  return rule !== undefined && (await verdict(context, rule, typename as Model, { id })) === true;
};
