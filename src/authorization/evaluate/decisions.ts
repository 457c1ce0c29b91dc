import type DataLoader from 'dataloader';
import { batched, type Context, type Verdicts } from '../../graphql/context.ts';
import { asWhere, finder, meeting } from './query-matching.ts';
import { condition, known } from '../../policy/evaluators.ts';
import type { Model, Row, Where } from '../../policy/ownership.ts';
import type { Rule } from '../rules/rule.ts';
import { ruleOf } from '../rules/registry.ts';

/**
 * Whether the viewer meets the rule for the row. Known verdicts come at once; the others are asked of the database in one statement
 * per rule, model and tick. Without a row: false where no row could change it, undefined where one could.
 */
export function verdict(context: Context, rule: Rule, model?: Model, row?: Row): boolean | undefined | Promise<boolean> {
  const of = verdictsOf(context, rule, model ?? null);
  if (of.always !== undefined || !model || !row) return of.always;
  return decidedOf(of, context, rule, model, row) ?? of.ask(row.id);
}

/** The verdict on a row as far as it is known without asking the database. */
export function decided(context: Context, rule: Rule, model: Model | undefined, row: Row): boolean | undefined {
  const of = verdictsOf(context, rule, model ?? null);
  return of.always ?? (model && decidedOf(of, context, rule, model, row));
}

/**
 * Asks about rows before anybody does, so that their verdicts are known at once: one statement for each rule, however many rows. Undefined
 * where nothing is to be asked. What fails is left undecided: it is asked again, and fails, where it is needed.
 */
export function settle(context: Context, rules: readonly Rule[], model: Model, rows: readonly Row[]): Promise<unknown> | undefined {
  const asked = rules.flatMap((rule) => settleOne(context, rule, model, rows) ?? []);
  return asked.length > 0 ? Promise.allSettled(asked) : undefined;
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

function settleOne(context: Context, rule: Rule, model: Model, rows: readonly Row[]): Promise<void> | undefined {
  // Held from here on: what comes in after the viewer changed is written where nobody looks any more.
  const of = verdictsOf(context, rule, model);
  const open = rows.filter((row) => {
    const now = decidedOf(of, context, rule, model, row);
    if (now !== undefined) of.ofRows.set(row, now);
    return now === undefined;
  });
  if (open.length === 0) return undefined;
  return Promise.all(open.map((row) => of.ask(row.id))).then((met) =>
    open.forEach((row, index) => {
      of.ofRows.set(row, met[index] === true);
    }),
  );
}

function decidedOf(of: Verdicts, { viewer }: Context, rule: Rule, model: Model, row: Row): boolean | undefined {
  return of.ofRows.get(row) ?? known(rule, viewer, { model, row });
}

function verdictsOf(context: Context, rule: Rule, model: Model | null): Verdicts {
  return context.verdicts.get(model)?.get(rule) ?? begin(context, rule, model);
}

function begin(context: Context, rule: Rule, model: Model | null): Verdicts {
  const { viewer, batches } = context;
  let checks: DataLoader<string, boolean> | undefined;
  const ask = (id: string) => {
    checks ??= checksOf(context, { viewer, batches }, rule, model as Model);
    return checks.load(id);
  };
  const of = { always: known(rule, viewer, model ? { model } : undefined), ofRows: new Map(), ask };
  const ofModel = context.verdicts.get(model) ?? new Map<Rule, Verdicts>();
  context.verdicts.set(model, ofModel.set(rule, of));
  return of;
}

/** Rules that come to the same condition for the viewer are asked together. */
function checksOf(context: Context, of: Pick<Context, 'viewer' | 'batches'>, rule: Rule, model: Model) {
  const asked = JSON.stringify(condition(rule, of.viewer, model));
  return batched(of, `check ${model} ${asked}`, async (ids: readonly string[]) => {
    const met = await meeting(context.db.prisma, rule, of.viewer, model, ids);
    return ids.map((id) => met.has(id));
  });
}

const rows = (context: Context, model: Model) =>
  batched(context, `rows ${model}`, async (ids: readonly string[]) => {
    const found = await finder(context.db.prisma, model).findMany({ where: { AND: [{ id: { in: [...ids] } }, visible(context, model)] } });
    const byId = new Map(found.map((row) => [row.id, row]));
    return ids.map((id) => byId.get(id) ?? null);
  });
