import type DataLoader from 'dataloader';
import { getLoader, type Loaders } from '../../lib/loaders.ts';
import { mapMaybe } from '../../lib/map-maybe.ts';
import type { Access, AccessContext, ModelOf, PolicyTypes, Row, RuleDecisions } from '../rules/policy.ts';
import { ruleOf } from '../rules/registry.ts';
import type { Decision, Rule } from '../rules/rule.ts';
import { evaluateRule, findMatchingRows, ruleToFilter, toPrismaWhere } from './conditions.ts';

/** The engine's part of the context of a new operation. */
export const createAccessState = <T extends PolicyTypes>(access: Access<T>, viewer: T['Viewer'] | null): AccessContext<T> => ({
  access,
  viewer,
  decisionCache: new Map(),
  loaders: new Map(),
});

/** The context for another viewer, with nothing remembered; unchanged if it is the same viewer. */
export const contextFor = <C extends AccessContext>(context: C, viewer: C['viewer']): C =>
  viewer === context.viewer ? context : { ...context, ...createAccessState(context.access, viewer) };

/**
 * Decides a rule for a row. Synchronous if it can be decided in memory; otherwise the database decides, with one statement per rule, model and tick.
 * Without a row: undefined if the decision depends on the row.
 */
export function decide<T extends PolicyTypes>(
  context: AccessContext<T>,
  rule: Rule,
  model?: ModelOf<T>,
  row?: Row,
): Decision | Promise<boolean> {
  const decisions = decisionsOf(context, rule, model ?? null);
  if (decisions.always !== undefined || !model || !row) return decisions.always;
  return decisionInMemory(decisions, context, rule, model, row) ?? decisions.load(row.id);
}

/** Decides a rule for a row without the database; undefined if only the database can tell. */
export function cachedDecision(context: AccessContext, rule: Rule, model: string | undefined, row: Row): Decision {
  const decisions = decisionsOf(context, rule, model ?? null);
  return decisions.always ?? (model === undefined ? undefined : decisionInMemory(decisions, context, rule, model, row));
}

/**
 * Decides rules for many rows in advance, one statement per rule, so that `decide` then answers synchronously. Undefined if memory is
 * enough. A failure leaves its rule undecided: it is asked again, and fails again, where the decision is needed.
 */
export function prefetchDecisions(
  context: AccessContext,
  rules: readonly Rule[],
  model: string,
  rows: readonly Row[],
): Promise<unknown> | undefined {
  const pending = rules.flatMap((rule) => prefetchRule(context, rule, model, rows) ?? []);
  return pending.length > 0 ? Promise.allSettled(pending) : undefined;
}

/** The filter for the rows of a model that the viewer can see, by the rule of its type: for lists, counts and cursors. */
export const whereVisible = <T extends PolicyTypes, M extends ModelOf<T>>(context: AccessContext<T>, model: M): T['Where'][M] =>
  toPrismaWhere<T['Where'][M]>(ruleToFilter(context.access.policy, ruleOf(context, model), context.viewer, model));

/** The row if the viewer can see it, otherwise null, as if it did not exist. */
export function ifVisible<T extends PolicyTypes, R extends Row>(
  context: AccessContext<T>,
  model: ModelOf<T>,
  row: R | null | undefined,
): R | null | Promise<R | null> {
  if (!row) return null;
  return mapMaybe(decide(context, ruleOf(context, model), model, row), (isVisible) => (isVisible ? row : null));
}

/** The row with that id if the viewer can see it, otherwise null. Rows that are requested in one tick are read in one statement. */
export function loadVisible<T extends PolicyTypes, M extends ModelOf<T>>(
  context: AccessContext<T>,
  model: M,
  id: string | null,
): Promise<T['Rows'][M] | null> | null {
  return id === null ? null : (visibleRows(context, model).load(id) as Promise<T['Rows'][M] | null>);
}

/** The error for a denied viewer: by default for the rule at the coordinate. */
export const accessDenied = <T extends PolicyTypes>(
  context: AccessContext<T>,
  coordinate: string,
  rule = ruleOf(context, coordinate),
): Error => context.access.policy.accessDenied(context, coordinate, rule);

function prefetchRule(context: AccessContext, rule: Rule, model: string, rows: readonly Row[]): Promise<void> | undefined {
  // The cache is looked up once, before waiting: if the viewer changes meanwhile, the results go to the abandoned cache.
  const decisions = decisionsOf(context, rule, model);
  const undecided = rows.filter((row) => {
    const decision = decisionInMemory(decisions, context, rule, model, row);
    if (decision !== undefined) decisions.byRow.set(row, decision);
    return decision === undefined;
  });
  if (undecided.length === 0) return undefined;
  return Promise.all(undecided.map((row) => decisions.load(row.id))).then((allowed) =>
    undecided.forEach((row, index) => {
      decisions.byRow.set(row, allowed[index] === true);
    }),
  );
}

function decisionInMemory({ byRow }: RuleDecisions, { access, viewer }: AccessContext, rule: Rule, model: string, row: Row): Decision {
  return byRow.get(row) ?? evaluateRule(access.policy, rule, viewer, { model, row });
}

function decisionsOf(context: AccessContext, rule: Rule, model: string | null): RuleDecisions {
  return context.decisionCache.get(model)?.get(rule) ?? createDecisions(context, rule, model);
}

function createDecisions(context: AccessContext, rule: Rule, model: string | null): RuleDecisions {
  const { access, viewer, loaders } = context;
  let loader: DataLoader<string, boolean> | undefined;
  const load = (id: string) => {
    loader ??= decisionLoader(context, { viewer, loaders }, rule, model as string);
    return loader.load(id);
  };
  const always = evaluateRule(access.policy, rule, viewer, model ? { model } : undefined);
  const decisions = { always, byRow: new Map(), load };
  const ofModel = context.decisionCache.get(model) ?? new Map<Rule, RuleDecisions>();
  context.decisionCache.set(model, ofModel.set(rule, decisions));
  return decisions;
}

/** Rules that compile to the same filter for the viewer share a loader, and so a statement. */
function decisionLoader(context: AccessContext, of: { viewer: object | null; loaders: Loaders }, rule: Rule, model: string) {
  const { policy } = context.access;
  const filter = JSON.stringify(ruleToFilter(policy, rule, of.viewer, model));
  return getLoader(of, `check ${model} ${filter}`, async (ids: readonly string[]) => {
    const matching = await findMatchingRows(policy, policy.client(context), rule, of.viewer, { model, ids });
    return ids.map((id) => matching.has(id));
  });
}

const visibleRows = (context: AccessContext, model: string) =>
  getLoader(context, `rows ${model}`, async (ids: readonly string[]) => {
    const { policy } = context.access;
    const where = { AND: [{ id: { in: [...ids] } }, whereVisible(context, model)] };
    const found = await policy.delegate(policy.client(context), model).findMany({ where });
    const byId = new Map(found.map((row) => [row.id, row]));
    return ids.map((id) => byId.get(id) ?? null);
  });
