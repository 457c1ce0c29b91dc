import type { PaginationArgs } from '../authorization/enforce/pagination.ts';
import type { Model } from '../policy/models.ts';
import type { CursorCodec } from './cursors.ts';
import { type Order, type Place, placeOf, reverse, toOrderBy, whereAfter, whereFrom } from './keyset.ts';

const defaultPageSize = 20; // security.md F24

/** A page of a list, as it was requested. */
export interface PageRequest {
  readonly model: Model;
  readonly order: Order;
  readonly size: number;
  /** True if the page is counted from the end of the list. */
  readonly isBackward: boolean;
  readonly after: Place | undefined;
  readonly before: Place | undefined;
}

/** Reads the arguments of a connection. Throws INVALID_INPUT for a cursor that is not one of the list. */
export const readPageRequest = (
  model: Model,
  order: Order,
  cursors: CursorCodec,
  { first, last, after, before }: PaginationArgs,
): PageRequest => ({
  model,
  order,
  size: first ?? last ?? defaultPageSize,
  isBackward: last != null || (before != null && first == null && after == null),
  after: after == null ? undefined : cursors.parse(after, 'after'),
  before: before == null ? undefined : cursors.parse(before, 'before'),
});

type Condition = Readonly<Record<string, unknown>>;

/** The rows of a list that a query reads. */
export interface RowQuery {
  readonly where: { readonly AND: readonly Condition[] };
  readonly orderBy: readonly Condition[];
  readonly take: number;
}

/** The query for the rows of a page among those that meet `where`, and for one row beyond, which tells that the list continues. */
function pageQuery({ model, order, size, isBackward, after, before }: PageRequest, where: Condition): RowQuery {
  const conditions = [
    ...(after ? [whereAfter(model, order, after)] : []),
    ...(before ? [whereAfter(model, reverse(order), before)] : []),
    where,
  ];
  return { where: { AND: conditions }, orderBy: toOrderBy(isBackward ? reverse(order) : order), take: size + 1 };
}

/** The query for one row before the page, or after it: on the other side of the cursor there. Undefined without that cursor. */
function queryBeyond({ model, order, after, before }: PageRequest, side: Side, where: Condition): RowQuery | undefined {
  const [place, away] = side === 'previous' ? [after, reverse(order)] : [before, order];
  return place && { where: { AND: [whereFrom(model, away, place), where] }, orderBy: toOrderBy(away), take: 1 };
}

type Side = 'previous' | 'next';

/** Reads the rows of a list. */
export interface ListReader {
  readonly where: Condition;
  rows(query: RowQuery): Promise<readonly Row[]>;
  exists(query: RowQuery, side: Side): Promise<boolean>;
  count(): Promise<number>;
}

export interface Row {
  readonly id: string;
}

/** The value of a connection, for the resolvers of its fields. */
export interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: Row }[];
  readonly pageInfo: object;
  readonly totalCount: () => Promise<number>;
}

interface PageSource {
  readonly request: PageRequest;
  readonly cursors: CursorCodec;
  readonly reader: ListReader;
  /** False if nothing of the page but `totalCount` is selected. */
  readonly needsRows: boolean;
  /** Reads the nodes of these rows, if rows are read without all their columns. Leaves out those that are gone. */
  readonly loadNodes: ((ids: readonly string[]) => Promise<readonly Row[]>) | undefined;
}

/** Reads a page. Its cursors are those of its rows when they were listed, also if one changes before its node is read. */
export async function readPage({ request, cursors, reader, needsRows, loadNodes }: PageSource): Promise<Page> {
  const { order, size, isBackward } = request;
  const found = needsRows ? await reader.rows(pageQuery(request, reader.where)) : [];
  const continues = found.length > size;
  const rows = isBackward ? found.slice(0, size).reverse() : found.slice(0, size);
  const nodes = loadNodes && rows.length > 0 ? await loadNodes(rows.map(({ id }) => id)) : rows;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const cursorAt = (row: Row | undefined) => (row ? cursors.format(placeOf(order, row)) : null);
  const hasMore = (side: Side) => {
    if (continues && isBackward === (side === 'previous')) return true;
    const query = queryBeyond(request, side, reader.where);
    return query ? reader.exists(query, side) : false;
  };
  return {
    edges: rows.flatMap((row) => {
      const node = byId.get(row.id);
      return node
        ? [
            {
              node,
              get cursor() {
                return cursors.format(placeOf(order, row));
              },
            },
          ]
        : [];
    }),
    pageInfo: {
      get startCursor() {
        return cursorAt(rows[0]);
      },
      get endCursor() {
        return cursorAt(rows.at(-1));
      },
      get hasPreviousPage() {
        return hasMore('previous');
      },
      get hasNextPage() {
        return hasMore('next');
      },
    },
    totalCount: () => reader.count(),
  };
}
