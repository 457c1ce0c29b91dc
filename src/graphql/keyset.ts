import { getDatamodel } from '../database/generated/pothos.ts';
import type { Model } from '../policy/models.ts';

/** The order of a list: by a column if there is one, then by the id in the same direction, so that it is total. */
export interface Order {
  readonly column?: string | undefined;
  readonly direction: 'asc' | 'desc';
  /** True if the list has only rows with a value in the column. */
  readonly withoutNulls?: true | undefined;
}

/** A place in an ordered list: the order key and the id that a row had. It stays a place when the row is changed or deleted. */
export interface Place {
  readonly id: string;
  /** The value of the order's column; undefined if the order is by the id alone. Timestamps are text, in milliseconds as in the database. */
  readonly key?: string | number | boolean | null | undefined;
}

type Condition = Readonly<Record<string, unknown>>;

/** The order as Prisma's `orderBy`. PostgreSQL sorts nulls last in ascending order and first in descending order. */
export const toOrderBy = ({ column, direction }: Order) => [...(column ? [{ [column]: direction }] : []), { id: direction }];

/** The same list from its end. */
export const reverse = (order: Order): Order => ({ ...order, direction: order.direction === 'asc' ? 'desc' : 'asc' });

/** The columns that `placeOf` needs. */
export const placeColumns = ({ column }: Order) => ({ id: true, ...(column && { [column]: true }) });

/** The place of a row in a list. */
export function placeOf({ column }: Order, row: { readonly id: string }): Place {
  if (!column) return { id: row.id };
  const key = (row as Condition)[column];
  return { id: row.id, key: (key instanceof Date ? key.toISOString() : key) as Place['key'] };
}

/**
 * The condition for the rows after a place. The comparison of the column alone comes first: an index on the column and the id supports it, which
 * it does not for the disjunction.
 */
export const whereAfter = (model: Model, order: Order, place: Place): Condition => whereBeyond(model, order, place, '');

/** The condition for the rows at a place or after it. */
export const whereFrom = (model: Model, order: Order, place: Place): Condition => whereBeyond(model, order, place, 'e');

function whereBeyond(model: Model, { column, direction, withoutNulls }: Order, { id, key }: Place, orEqual: 'e' | ''): Condition {
  const beyond = direction === 'asc' ? 'gt' : 'lt';
  const isBeyond = { id: { [`${beyond}${orEqual}`]: id } };
  if (!column) return isBeyond;
  if (key === null) {
    const amongNulls = { AND: [{ [column]: null }, isBeyond] };
    return direction === 'asc' ? amongNulls : { OR: [amongNulls, { [column]: { not: null } }] };
  }
  const range = { AND: [{ [column]: { [`${beyond}e`]: key } }, { OR: [{ [column]: { [beyond]: key } }, isBeyond] }] };
  return direction === 'asc' && !withoutNulls && isNullable(model, column) ? { OR: [range, { [column]: null }] } : range;
}

const { models } = getDatamodel().datamodel;
const isNullable = (model: Model, column: string) => models[model]?.fields.find(({ name }) => name === column)?.isRequired === false;
