import type { InputRef } from '@pothos/core';
import type { GraphQLResolveInfo } from 'graphql';
import type { PaginationArgs } from '../authorization/enforce/pagination.ts';
import { whereVisibleAnd } from '../authorization/evaluate/filters.ts';
import type { Rule } from '../authorization/rules/rule.ts';
import type { Prisma } from '../database/generated/prisma/client.ts';
import type { Model, Where } from '../policy/models.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';

type FindMany<M extends Model> = Prisma.TypeMap['model'][M]['operations']['findMany']['args'];
type Rows<M extends Model> = Prisma.TypeMap['model'][M]['operations']['findMany']['result'];
type Order<M extends Model> = NonNullable<FindMany<M>['orderBy']>;

interface Args<Filter, OrderInput> extends PaginationArgs {
  readonly filter?: Filter | null | undefined;
  readonly orderBy?: OrderInput | null | undefined;
}

interface VisibleConnection<M extends Model, Filter, OrderInput> {
  readonly model: M;
  readonly nullable?: false;
  readonly description: string;
  readonly access: Rule;
  readonly filter?: InputRef<Filter>;
  readonly orderBy?: InputRef<OrderInput>;
  /** The condition of the filter. What the viewer can see is added to it. */
  readonly where?: (context: Context, filter: Filter | null | undefined) => Where[M] | undefined;
  /** Defaults to the id. Must be a total order. */
  readonly order?: (context: Context, orderBy: OrderInput | null | undefined) => Order<M>;
  /** Reads a page. Defaults to `findMany`. */
  readonly load?: (context: Context, query: FindMany<M>, args: Args<Filter, OrderInput>, info: GraphQLResolveInfo) => Promise<Rows<M>>;
}

/**
 * A query field that lists the rows of a model that the viewer can see, with filter, order, cursors and `totalCount`. Rows, cursors and the
 * count follow the same condition, so that none of them reveals a row that the others hide.
 */
export function visibleConnection<M extends Model, Filter extends object = never, OrderInput extends object = never>(
  name: string,
  { model, nullable, description, access, filter, orderBy, where, order, load }: VisibleConnection<M, Filter, OrderInput>,
): void {
  const whereOf = (context: Context, args: Args<Filter, OrderInput>) => whereVisibleAnd(context, model, where?.(context, args.filter));
  const delegate = (context: Context) => context.db.prisma[delegateName(model)] as unknown as Delegate<M>;
  builder.queryField(
    name,
    (t) =>
      t.prismaConnection(
        {
          type: model,
          ...(nullable === false && { nullable }),
          cursor: 'id',
          description,
          access,
          args: {
            ...(filter && { filter: t.arg({ type: filter, description: 'Filters the list.' }) }),
            ...(orderBy && { orderBy: t.arg({ type: orderBy, description: 'Sort order. Defaults to the ID, ascending.' }) }),
          },
          totalCount: (_: unknown, args: Args<Filter, OrderInput>, context: Context) =>
            delegate(context).count({ where: whereOf(context, args) }),
          resolve: (page: object, _: unknown, args: Args<Filter, OrderInput>, context: Context, info: GraphQLResolveInfo) => {
            const query = {
              ...page,
              where: whereOf(context, args),
              orderBy: order?.(context, args.orderBy) ?? { id: 'asc' },
            } as FindMany<M>;
            return load ? load(context, query, args, info) : delegate(context).findMany(query);
          },
        } as never,
        ...connectionNames(model),
      ) as never,
  );
}

/** The options that all lists of related rows share: `t.relatedConnection('settings', { ...visibleRelation('UserSetting'), … })`. */
export const visibleRelation = <M extends Model>(model: M, orderBy: Order<M> = { id: 'asc' } as Order<M>) => ({
  cursor: 'id' as const,
  totalCount: true as const,
  query: (_: object, context: Context) => ({ where: whereVisibleAnd(context, model, undefined), orderBy }),
});

/** The names of the types of a connection and of its edges. */
export const connectionNames = (prefix: string) => [{ name: `${prefix}Connection` }, { name: `${prefix}Edge` }] as const;

interface Delegate<M extends Model> {
  findMany(query: FindMany<M>): Promise<Rows<M>>;
  count(query: { where: Where[M] }): Promise<number>;
}

const delegateName = (model: Model) => `${model.charAt(0).toLowerCase()}${model.slice(1)}` as Uncapitalize<Model>;
