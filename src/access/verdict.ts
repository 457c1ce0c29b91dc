import type { GraphQLError } from 'graphql';
import { batched, type Context } from '../context.ts';
import { failure } from '../errors.ts';
import { asWhere, condition, finder, known, meeting } from './judge.ts';
import type { Model, Row, Where } from './ownership.ts';
import { atomsOf, print, type Rule } from './rule.ts';
import { ruleOf } from './rules.ts';

/**
 * Whether the viewer meets the rule for the row. Known verdicts come at once; the others are asked of the database in one statement
 * per rule, model and tick. Without a row: false where no row could change it, undefined where one could.
 */
export function verdict(context: Context, rule: Rule, model?: Model, row?: Row): boolean | undefined | Promise<boolean> {
  const always = ofViewer(context, rule);
  if (always !== undefined || !model || !row) return always;
  const now = known(rule, context.viewer, { model, row });
  return now ?? checks(context, rule, model).load(row.id);
}

/** The condition that the viewer's visible rows of a model meet: its type's rule, for lists, counts and cursors. */
export const visible = <M extends Model>(context: Context, model: M): Where[M] => asWhere(condition(ruleOf(model), context.viewer, model));

/** The row if the viewer may know of it, else null, as if it did not exist. */
export function seen<R extends Row>(context: Context, model: Model, row: R | null | undefined): R | null | Promise<R | null> {
  if (!row) return null;
  const sees = verdict(context, ruleOf(model), model, row);
  return sees instanceof Promise ? sees.then((yes) => (yes ? row : null)) : sees ? row : null;
}

/** A row by its id if the viewer may know of it, else null. Rows asked for in one tick are read in one statement. */
export function rowOf<R extends Row>(context: Context, model: Model, id: string | null): Promise<R | null> | null {
  return id === null ? null : (rows(context, model).load(id) as Promise<R | null>);
}

/** The error for a rule that was not met: who is nobody is told to sign in, whose proof is old to renew it. */
export function denial({ viewer }: Pick<Context, 'viewer'>, coordinate: string, rule = ruleOf(coordinate)): GraphQLError {
  if (!viewer) return failure('UNAUTHENTICATED');
  const stale =
    !viewer.fresh && atomsOf(rule).some(({ is }) => is === 'fresh') && known(rule, { ...viewer, fresh: true }, undefined) !== false;
  return failure(stale ? 'REAUTHENTICATION_REQUIRED' : 'FORBIDDEN', { coordinate, rule: print(rule) });
}

function ofViewer(context: Context, rule: Rule) {
  if (!context.settled.has(rule)) context.settled.set(rule, known(rule, context.viewer));
  return context.settled.get(rule);
}

const checks = (context: Context, rule: Rule, model: Model) =>
  batched(context, `check ${model} ${print(rule)}`, async (ids: readonly string[]) => {
    const met = await meeting(context.db.prisma, rule, context.viewer, model, ids);
    return ids.map((id) => met.has(id));
  });

const rows = (context: Context, model: Model) =>
  batched(context, `rows ${model}`, async (ids: readonly string[]) => {
    const found = await finder(context.db.prisma, model).findMany({ where: { AND: [{ id: { in: [...ids] } }, visible(context, model)] } });
    const byId = new Map(found.map((row) => [row.id, row]));
    return ids.map((id) => byId.get(id) ?? null);
  });
