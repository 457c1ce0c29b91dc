import type { Viewer } from '../../identity/viewer.ts';
import { toWhere } from '../../policy/evaluators.ts';
import type { Model, Row, Where } from '../../policy/ownership.ts';
import type { Rule } from '../rules/rule.ts';

/** A condition that always is one: for `false`, one that no row meets. */
export const toPrismaWhere = <M extends Model>(met: Where[M] | boolean): Where[M] =>
  (met === true ? {} : met === false ? { id: { in: [] } } : met) as Where[M];

interface Finder {
  findMany(query: object): Promise<Row[]>;
}

/** How the rows of a model are read by its name: Prisma's clients call it in lower case. `client` is Prisma or a transaction of it. */
export const modelDelegate = (client: object, model: Model) =>
  (client as Record<string, Finder>)[model.charAt(0).toLowerCase() + model.slice(1)] as Finder;

/** The ids out of `ids` whose rows meet the rule, in one statement. */
export async function findMatchingIds(client: object, rule: Rule, viewer: Viewer | null, model: Model, ids: readonly string[]) {
  const met = toWhere(rule, viewer, model);
  if (typeof met === 'boolean') return new Set(met ? ids : []);
  const rows = await modelDelegate(client, model).findMany({ where: { AND: [{ id: { in: [...ids] } }, met] }, select: { id: true } });
  return new Set(rows.map((row) => row.id));
}
