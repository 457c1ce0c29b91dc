import type DataLoader from 'dataloader';
import { type Context, getLoader, type RuleDecisions } from '../../graphql/context.ts';
import { evaluateInMemory, toWhere } from '../../policy/evaluators.ts';
import type { Model, Row, Where } from '../../policy/ownership.ts';
import { ruleOf } from '../rules/registry.ts';
import type { Rule } from '../rules/rule.ts';
import { findMatchingIds, modelDelegate, toPrismaWhere } from './query-matching.ts';

/**
 * Whether the viewer meets the rule for the row. Known verdicts come at once; the others are asked of the database in one statement
 * per rule, model and tick. Without a row: false where no row could change it, undefined where one could.
 */
export function decide(context: Context, rule: Rule, model?: Model, row?: Row): boolean | undefined | Promise<boolean> {
  const of = verdictsOf(context, rule, model ?? null);
  if (of.always !== undefined || !model || !row) return of.always;
  return decidedOf(of, context, rule, model, row) ?? of.load(row.id);
}

/** The verdict on a row as far as it is known without asking the database. */
export function cachedDecision(context: Context, rule: Rule, model: Model | undefined, row: Row): boolean | undefined {
  const of = verdictsOf(context, rule, model ?? null);
  return of.always ?? (model && decidedOf(of, context, rule, model, row));
}

/**
 * Asks about rows before anybody does, so that their verdicts are known at once: one statement for each rule, however many rows. Undefined
 * where nothing is to be asked. What fails is left undecided: it is asked again, and fails, where it is needed.
 */
export function prefetchDecisions(
  context: Context,
  rules: readonly Rule[],
  model: Model,
  rows: readonly Row[],
): Promise<unknown> | undefined {
  const asked = rules.flatMap((rule) => settleOne(context, rule, model, rows) ?? []);
  return asked.length > 0 ? Promise.allSettled(asked) : undefined;
}

/** The condition that the viewer's visible rows of a model meet: its type's rule, for lists, counts and cursors. */
export const whereVisible = <M extends Model>(context: Context, model: M): Where[M] =>
  toPrismaWhere(toWhere(ruleOf(model), context.viewer, model));

/** The row if the viewer may know of it, else null, as if it did not exist. */
export function ifVisible<R extends Row>(context: Context, model: Model, row: R | null | undefined): R | null | Promise<R | null> {
  if (!row) return null;
  const sees = decide(context, ruleOf(model), model, row);
  return sees instanceof Promise ? sees.then((yes) => (yes ? row : null)) : sees ? row : null;
}

/** A row by its id if the viewer may know of it, else null. Rows asked for in one tick are read in one statement. */
export function loadVisible<R extends Row>(context: Context, model: Model, id: string | null): Promise<R | null> | null {
  return id === null ? null : (rows(context, model).load(id) as Promise<R | null>);
}

function settleOne(context: Context, rule: Rule, model: Model, rows: readonly Row[]): Promise<void> | undefined {
  // Held from here on: what comes in after the viewer changed is written where nobody looks any more.
  const of = verdictsOf(context, rule, model);
  const open = rows.filter((row) => {
    const now = decidedOf(of, context, rule, model, row);
    if (now !== undefined) of.byRow.set(row, now);
    return now === undefined;
  });
  if (open.length === 0) return undefined;
  return Promise.all(open.map((row) => of.load(row.id))).then((met) =>
    open.forEach((row, index) => {
      of.byRow.set(row, met[index] === true);
    }),
  );
}

function decidedOf(of: RuleDecisions, { viewer }: Context, rule: Rule, model: Model, row: Row): boolean | undefined {
  return of.byRow.get(row) ?? evaluateInMemory(rule, viewer, { model, row });
}

function verdictsOf(context: Context, rule: Rule, model: Model | null): RuleDecisions {
  return context.decisionCache.get(model)?.get(rule) ?? begin(context, rule, model);
}

function begin(context: Context, rule: Rule, model: Model | null): RuleDecisions {
  const { viewer, loaders } = context;
  let checks: DataLoader<string, boolean> | undefined;
  const load = (id: string) => {
    checks ??= checksOf(context, { viewer, loaders }, rule, model as Model);
    return checks.load(id);
  };
  const of = { always: evaluateInMemory(rule, viewer, model ? { model } : undefined), byRow: new Map(), load };
  const ofModel = context.decisionCache.get(model) ?? new Map<Rule, RuleDecisions>();
  context.decisionCache.set(model, ofModel.set(rule, of));
  return of;
}

/** Rules that come to the same condition for the viewer are asked together. */
function checksOf(context: Context, of: Pick<Context, 'viewer' | 'loaders'>, rule: Rule, model: Model) {
  const asked = JSON.stringify(toWhere(rule, of.viewer, model));
  return getLoader(of, `check ${model} ${asked}`, async (ids: readonly string[]) => {
    const met = await findMatchingIds(context.db.prisma, rule, of.viewer, model, ids);
    return ids.map((id) => met.has(id));
  });
}

const rows = (context: Context, model: Model) =>
  getLoader(context, `rows ${model}`, async (ids: readonly string[]) => {
    const found = await modelDelegate(context.db.prisma, model).findMany({
      where: { AND: [{ id: { in: [...ids] } }, whereVisible(context, model)] },
    });
    const byId = new Map(found.map((row) => [row.id, row]));
    return ids.map((id) => byId.get(id) ?? null);
  });
