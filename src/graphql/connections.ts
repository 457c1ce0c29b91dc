import type { InputFieldMap, InputRef, InputShapeFromFields } from '@pothos/core';
import { getRefFromModel } from '@pothos/plugin-prisma';
import { type GraphQLResolveInfo, getNamedType } from 'graphql';
import type { PaginationArgs } from '../authorization/enforce/pagination.ts';
import { whereVisibleAnd } from '../authorization/evaluate/filters.ts';
import type { Rule } from '../authorization/rules/rule.ts';
import { selectedFields } from '../lib/selections.ts';
import type { Model, Where } from '../policy/models.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { createCursorCodec } from './cursors.ts';
import { type Order, placeColumns } from './keyset.ts';
import { relationReader, rootReader } from './list-readers.ts';
import { type ListReader, type Page, type Row, readPage, readPageRequest } from './pages.ts';

/** The order unless another is given. */
const byId: Order = { direction: 'asc' };

interface VisibleList<M extends Model> {
  readonly model: M;
  readonly description: string;
  readonly access: Rule;
}

interface VisibleConnection<M extends Model, Filter, OrderInput> extends VisibleList<M> {
  readonly nullable?: false;
  readonly filter?: InputRef<Filter>;
  readonly orderBy?: InputRef<OrderInput>;
  /** The condition of the filter. What the viewer can see is added to it. */
  readonly where?: (context: Context, filter: Filter | null | undefined) => Where[M] | undefined;
  /** Defaults to the id, ascending. */
  readonly order?: (context: Context, orderBy: OrderInput | null | undefined) => Order;
  /** Runs before the list is read. */
  readonly prepare?: (context: Context) => Promise<void>;
  /** Reads the rows of a page, in the order of their ids. Defaults to Prisma. */
  readonly load?: (context: Context, ids: readonly string[], info: GraphQLResolveInfo) => Promise<readonly Row[]>;
}

interface ConnectionArgs<Filter = unknown, OrderInput = unknown> extends PaginationArgs {
  readonly filter?: Filter | null | undefined;
  readonly orderBy?: OrderInput | null | undefined;
}

/**
 * A query field that lists the rows of a model that the viewer can see, with filter, order, cursors and `totalCount`. Rows, cursors and the
 * count follow the same condition, so that none of them reveals a row that the others hide.
 */
export function visibleConnection<M extends Model, Filter extends object = never, OrderInput extends object = never>(
  name: string,
  { model, nullable, description, access, filter, orderBy, where, order, prepare, load }: VisibleConnection<M, Filter, OrderInput>,
): void {
  const resolve = async (_: unknown, args: ConnectionArgs<Filter, OrderInput>, context: Context, info: GraphQLResolveInfo) => {
    await prepare?.(context);
    const list = { model, order: order?.(context, args.orderBy) ?? byId, parentId: undefined, load };
    const condition = whereVisibleAnd(context, model, where?.(context, args.filter));
    const columns = load && placeColumns(list.order);
    return resolvePage(list, args, context, info, rootReader(context, model, condition, columns));
  };
  const args = builder.args((t) => ({
    ...(filter && { filter: t.field({ type: filter, description: 'Filters the list.' }) }),
    ...(orderBy && { orderBy: t.field({ type: orderBy, description: 'Sort order. Defaults to the ID, ascending.' }) }),
  }));
  builder.queryField(
    name,
    (t) =>
      t.connection(
        {
          type: getRefFromModel(model, builder),
          ...(nullable === false && { nullable }),
          description,
          access,
          args,
          resolve,
        } as never,
        ...connectionTypes(model),
      ) as never,
  );
}

interface VisibleRelation<M extends Model, Args extends InputFieldMap> extends VisibleList<M> {
  /** The column with the id of the object that the rows belong to. */
  readonly by: keyof Where[M] & `${string}Id`;
  /** Defaults to the id, ascending. */
  readonly order?: Order;
  /** The prefix of the type names. Defaults to the model. */
  readonly prefix?: string;
  /** The arguments that select rows. */
  readonly args?: Args;
  /** The condition of these arguments. What the viewer can see is added to it. */
  readonly where?: (args: InputShapeFromFields<Args>) => Where[M] | undefined;
}

/** A field that lists the related rows of an object that the viewer can see, with cursors and `totalCount`. */
export function visibleRelation<M extends Model, Args extends InputFieldMap = Record<never, never>>(
  parent: Model,
  field: string,
  { model, by, description, access, order = byId, prefix = model, args, where }: VisibleRelation<M, Args>,
): void {
  const resolve = (
    { id: parentId }: Row,
    given: ConnectionArgs & InputShapeFromFields<Args>,
    context: Context,
    info: GraphQLResolveInfo,
  ) => {
    const condition = whereVisibleAnd(context, model, where?.(given));
    return resolvePage({ model, order, parentId }, given, context, info, relationReader(context, info, { model, by, parentId, condition }));
  };
  builder.prismaObjectField(
    parent,
    field,
    (t) =>
      t.connection(
        { type: getRefFromModel(model, builder), description, access, args, resolve } as never,
        ...connectionTypes(prefix),
      ) as never,
  );
}

/** The page that the arguments ask for. The cursors are checked before anything is read. */
function resolvePage(
  { model, order, parentId, load }: ListOf,
  args: ConnectionArgs,
  context: Context,
  info: GraphQLResolveInfo,
  reader: ListReader,
): Promise<Page> {
  const { first: _first, last: _last, after: _after, before: _before, orderBy: _orderBy, ...criteria } = args;
  const cursors = createCursorCodec({ context, info, parentId, order, criteria });
  const request = readPageRequest(model, order, cursors, args);
  const loadNodes = load && ((ids: readonly string[]) => load(context, ids, info));
  return readPage({ request, cursors, reader, needsRows: selectsRows(info), loadNodes });
}

interface ListOf extends Pick<VisibleConnection<Model, never, never>, 'model' | 'load'> {
  readonly order: Order;
  readonly parentId: string | undefined;
}

const selectsRows = (info: GraphQLResolveInfo) => selects(info, 'edges') || selects(info, 'pageInfo');

function selects({ schema, fragments, variableValues: variables, fieldNodes, returnType }: GraphQLResolveInfo, field: string): boolean {
  const type = getNamedType(returnType).name;
  const selected = fieldNodes.flatMap(({ selectionSet }) => selectedFields({ schema, fragments, variables }, selectionSet, type));
  return selected.some(({ node }) => node.name.value === field);
}

/** The types of a connection and of its edges. */
const connectionTypes = (prefix: string) =>
  [
    {
      name: `${prefix}Connection`,
      fields: (t: PothosSchemaTypes.ObjectFieldBuilder<(typeof builder)['$inferSchemaTypes'], Page>) => ({
        totalCount: t.int({ nullable: false, resolve: ({ totalCount }) => totalCount() }),
      }),
    },
    { name: `${prefix}Edge` },
  ] as never[];
