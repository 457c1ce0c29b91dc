import type { Model, Row, Where } from './ownership.ts';
import { evaluate, type Rule } from './rule.ts';
import type { Viewer } from './viewer.ts';
import { type Subject, vocabulary } from './vocabulary.ts';

/** The verdict as far as it is known without the database: undefined where only a row can tell. */
export const known = (rule: Rule, viewer: Viewer | null, subject?: Subject) =>
  evaluate(rule, (atom) => vocabulary[atom.is]?.known(viewer, atom.of ?? '', subject));

/** The rule as a condition: true for every row, false for none, or what Prisma is to ask. */
export function condition<M extends Model>(rule: Rule, viewer: Viewer | null, model: M): Where[M] | boolean {
  if ('is' in rule) {
    const meaning = vocabulary[rule.is];
    if (!meaning?.where) return meaning?.known(viewer, rule.of ?? '') ?? false;
    const forNobody = viewer === null && rule.is !== 'active';
    return forNobody ? false : (meaning.where(viewer as Viewer, model) as Where[M] | boolean);
  }
  const [parts, decisive] = 'any' in rule ? [rule.any, true] : [rule.all, false];
  const conditions = parts.map((part) => condition(part, viewer, model));
  if (conditions.includes(decisive)) return decisive;
  const open = conditions.filter((part) => typeof part !== 'boolean');
  if (open.length === 0) return !decisive;
  return (open.length === 1 ? open[0] : { [decisive ? 'OR' : 'AND']: open }) as Where[M];
}

/** A condition that always is one: for `false`, one that no row meets. */
export const asWhere = <M extends Model>(met: Where[M] | boolean): Where[M] =>
  (met === true ? {} : met === false ? { id: { in: [] } } : met) as Where[M];

interface Finder {
  findMany(query: object): Promise<Row[]>;
}

/** How the rows of a model are read by its name: Prisma's clients call it in lower case. `client` is Prisma or a transaction of it. */
export const finder = (client: object, model: Model) =>
  (client as Record<string, Finder>)[model.charAt(0).toLowerCase() + model.slice(1)] as Finder;

/** The ids out of `ids` whose rows meet the rule, in one statement. */
export async function meeting(client: object, rule: Rule, viewer: Viewer | null, model: Model, ids: readonly string[]) {
  const met = condition(rule, viewer, model);
  if (typeof met === 'boolean') return new Set(met ? ids : []);
  const rows = await finder(client, model).findMany({ where: { AND: [{ id: { in: [...ids] } }, met] }, select: { id: true } });
  return new Set(rows.map((row) => row.id));
}
