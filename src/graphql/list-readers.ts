import type { GraphQLResolveInfo } from 'graphql';
import { getLoader } from '../lib/loaders.ts';
import type { Model } from '../policy/models.ts';
import { modelDelegate } from '../policy/policy.ts';
import type { Context } from './context.ts';
import type { ListReader, Row, RowQuery } from './pages.ts';

type Condition = Readonly<Record<string, unknown>>;

/** Reads all rows of a model that meet the condition, or only some of their columns. */
export function rootReader({ db }: Context, model: Model, condition: Condition, columns: Condition | undefined): ListReader {
  const delegate = () => delegateOf(db, model);
  return {
    where: condition,
    rows: (query) => delegate().findMany({ ...query, ...(columns && { select: columns }) }),
    exists: async (query) => (await delegate().findMany({ ...query, select: { id: true } })).length > 0,
    count: () => delegate().count({ where: condition }),
  };
}

interface Related {
  readonly model: Model;
  /** The column with the id of the parent. */
  readonly by: string;
  readonly parentId: string;
  readonly condition: Condition;
}

/** Reads the related rows of an object that meet the condition, together with those of all objects for which the same field is resolved. */
export function relationReader(context: Context, info: GraphQLResolveInfo, { model, by, parentId, condition }: Related): ListReader {
  const delegate = () => delegateOf(context.db, model);
  const load = <T>(part: string, read: (ids: readonly string[]) => Promise<T[]>): Promise<T> =>
    getLoader<T>(context, `${part} of ${info.parentType.name}.${info.fieldName} at ${fieldPath(info)}`, read).load(parentId);

  async function readRows(ids: readonly string[], { where, orderBy, take }: RowQuery, select?: Condition): Promise<Row[][]> {
    const [id, ...others] = ids;
    const columns = select && { select: { ...select, [by]: true } };
    if (others.length === 0) return [await delegate().findMany({ where: { AND: [{ [by]: id }, where] }, orderBy, take, ...columns })];
    // Prisma limits the rows of each object in memory, too; one statement is the better part of it.
    const rows = await delegate().findMany({ where: { AND: [{ [by]: { in: [...ids] } }, where] }, orderBy, ...columns });
    const byParent = Map.groupBy(rows, (row) => row[by]);
    return ids.map((one) => byParent.get(one)?.slice(0, take) ?? []);
  }

  async function countRows(ids: readonly string[]): Promise<number[]> {
    const [id, ...others] = ids;
    if (others.length === 0) return [await delegate().count({ where: { AND: [{ [by]: id }, condition] } })];
    const groups = await delegate().groupBy({ by: [by], where: { AND: [{ [by]: { in: [...ids] } }, condition] }, _count: { _all: true } });
    const byParent = new Map(groups.map((group) => [group[by], group._count._all]));
    return ids.map((one) => byParent.get(one) ?? 0);
  }

  return {
    where: condition,
    rows: (query) => load('rows', (ids) => readRows(ids, query)),
    exists: async (query, side) => (await load(side, (ids) => readRows(ids, query, { id: true }))).length > 0,
    count: () => load('total', countRows),
  };
}

/** The names of the fields that lead to a field. The same for each object of a list, as are the arguments of the field. */
function fieldPath({ path }: GraphQLResolveInfo): string {
  const keys: (string | number)[] = [];
  for (let at: GraphQLResolveInfo['path'] | undefined = path; at; at = at.prev) keys.push(at.key);
  return keys.filter((key) => typeof key === 'string').join('.');
}

/** The queries of a model that lists make. */
interface Delegate {
  findMany(query: Partial<RowQuery> & { select?: Condition }): Promise<(Row & Condition)[]>;
  count(query: { where: Condition }): Promise<number>;
  groupBy(query: { by: string[]; where: Condition; _count: { _all: true } }): Promise<(Condition & { _count: { _all: number } })[]>;
}

const delegateOf = ({ prisma }: Context['db'], model: Model) => modelDelegate(prisma, model) as object as Delegate;
