import { isObjectType } from 'graphql';
import { describe, expect, it } from 'vitest';
import { schema } from '../../src/schema/schema.ts';
import { startTestServer } from '../test-server.ts';
import { type ListCase, listCases } from './list-cases.ts';

const server = await startTestServer();
const admin = await server.user('ADMIN');
const cases = await listCases(server, { admin, superadmin: await server.user('SUPERADMIN') });

/** What a list returned. */
interface Page {
  readonly rows: string[];
  readonly cursors: string[];
  readonly totalCount: number;
  readonly pageInfo: { startCursor: string | null; endCursor: string | null; hasNextPage: boolean; hasPreviousPage: boolean };
}

/** The document for a list with these arguments. */
function documentFor({ coordinate, criteria, path, identity }: ListCase, order: string | undefined) {
  const field = coordinate.split('.')[1];
  const args = ['first: $first', 'last: $last', 'after: $after', 'before: $before', criteria, order && `orderBy: ${order}`];
  const page = `list: ${field}(${args.filter(Boolean).join(', ')}) {
    totalCount edges { cursor node { key: ${identity} } } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } }`;
  return `query ($first: Int, $last: Int, $after: String, $before: String) { ${path.replace('?', page)} }`;
}

/** A page as an administrator reads it. */
async function read(list: ListCase, order: string | undefined, args: object): Promise<Page> {
  const { data, errors } = await admin.query(documentFor(list, order), args);
  expect(errors).toBeUndefined();
  const [root] = Object.values<{ list?: unknown }>(data);
  const { edges, totalCount, pageInfo } = root?.list ?? data.list;
  return {
    rows: edges.map(({ node }: { node: { key: string } }) => node.key),
    cursors: edges.map(({ cursor }: { cursor: string }) => cursor),
    totalCount,
    pageInfo,
  };
}

/** Reads every page of a list from one end, and calls `between` with the rows of each page before the next. */
async function walk(list: ListCase, order: string | undefined, isBackward: boolean, between: (rows: string[]) => Promise<void>) {
  const pages: Page[] = [];
  let cursor: string | null | undefined;
  do {
    const page: Page = await read(list, order, isBackward ? { last: 2, before: cursor } : { first: 2, after: cursor });
    pages.push(page);
    await between(page.rows);
    const { pageInfo } = page;
    const continues = isBackward ? pageInfo.hasPreviousPage : pageInfo.hasNextPage;
    cursor = continues ? (isBackward ? pageInfo.startCursor : pageInfo.endCursor) : undefined;
  } while (cursor);
  return pages;
}

const size = 7; // four pages of two

const perOrder = cases.flatMap((list) =>
  list.orders.map((order) => ({ list, order, title: `${list.coordinate} by ${order ?? 'default'}` })),
);
const perRemoval = perOrder.flatMap(({ list, order, title }) =>
  Object.keys(list.removals).flatMap((removal) => [false, true].map((isBackward) => ({ list, order, title, removal, isBackward }))),
);

it('covers every connection of the schema', () => {
  const connections = Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type))
    .flatMap((type) =>
      Object.values(type.getFields())
        .filter(({ args }) => args.some(({ name }) => name === 'before'))
        .map(({ name }) => `${type.name}.${name}`),
    );
  expect(cases.map(({ coordinate }) => coordinate).sort()).toEqual(connections.sort());
});

it('has only timestamps that a JavaScript Date holds exactly, so that a cursor does', async () => {
  const columns = await server.db.prisma.$queryRaw<{ name: string }[]>`
    select table_name || '.' || column_name as name from information_schema.columns
    where table_schema = 'public' and table_name <> '_prisma_migrations' and datetime_precision > 3`;
  expect(columns).toEqual([]);
});

describe('a list whose shown rows go between two pages', () => {
  it.each(perRemoval)('$title returns each row once when they are $removal (from the end: $isBackward)', async (tried) => {
    const { list, order, removal, isBackward } = tried;
    await list.seed(size);
    const all = (await read(list, order, { first: 100 })).rows;
    const pages = await walk(list, order, isBackward, async (rows) => {
      for (const id of rows) await list.removals[removal]?.(id);
    });
    const seen = isBackward ? pages.flatMap(({ rows }) => rows.toReversed()).reverse() : pages.flatMap(({ rows }) => rows);
    expect(seen).toEqual(all);
    const behind = pages.map(({ pageInfo }) => (isBackward ? pageInfo.hasNextPage : pageInfo.hasPreviousPage));
    if (list.coordinate !== 'Query.roles') expect(behind).toEqual(pages.map(() => false)); // built-in roles stay
    expect(all.length).toBeGreaterThanOrEqual(size);
  });
});

describe('a list that does not change', () => {
  it.each(perOrder)('$title has the same rows and exact page information from both ends', async ({ list, order }) => {
    await list.seed(size);
    const all = (await read(list, order, { first: 100 })).rows;
    for (const isBackward of [false, true]) {
      const pages = await walk(list, order, isBackward, async () => {});
      const inOrder = isBackward ? pages.toReversed() : pages;
      expect(inOrder.flatMap(({ rows }) => rows)).toEqual(all);
      for (const [index, { pageInfo, cursors, totalCount }] of inOrder.entries()) {
        expect(pageInfo).toEqual({
          startCursor: cursors[0],
          endCursor: cursors.at(-1),
          hasPreviousPage: index > 0,
          hasNextPage: index < inOrder.length - 1,
        });
        expect(totalCount).toBe(all.length);
      }
    }
  });

  it.each(perOrder)('$title returns what is between two cursors, counted from either of them', async ({ list, order }) => {
    await list.seed(size);
    const { rows, cursors } = await read(list, order, { first: 100 });
    const [after, before] = [cursors[1], cursors[5]];
    const page = async (args: object) => {
      const { rows: found, pageInfo } = await read(list, order, args);
      return [found, pageInfo.hasPreviousPage, pageInfo.hasNextPage];
    };
    expect(await page({ first: 2, after, before })).toEqual([rows.slice(2, 4), true, true]);
    expect(await page({ last: 2, after, before })).toEqual([rows.slice(3, 5), true, true]);
    expect(await page({ first: 2, before })).toEqual([rows.slice(0, 2), false, true]);
    expect(await page({ last: 2, after })).toEqual([rows.slice(-2), true, false]);
    expect(await page({ first: 2, after: cursors.at(-3) })).toEqual([rows.slice(-2), true, false]); // the page ends where the list ends
    expect(await page({ last: 2, before: cursors[2] })).toEqual([rows.slice(0, 2), false, true]);
    expect(await page({ first: 2, after: cursors.at(-1) })).toEqual([[], true, false]);
    expect(await page({ last: 2, before: cursors[0] })).toEqual([[], false, true]);
    expect(await page({ first: 2, after: before, before: after })).toEqual([[], true, true]);
  });
});
