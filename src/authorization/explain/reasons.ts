import { evaluateRule, findMatchingRows } from '../evaluate/conditions.ts';
import type { AccessContext, Policy, RowSubject } from '../rules/policy.ts';
import { type Condition, print, type Rule } from '../rules/rule.ts';

/** A rule with the decision of every part; null if it is not disclosed. `by` are the rights that each are enough to meet a condition. */
export type Reason<Right = unknown> = { readonly met: boolean | null } & (
  | { readonly is: string; readonly of?: string; readonly says: string; readonly by?: readonly Right[] }
  | { readonly any: readonly Reason<Right>[] }
  | { readonly all: readonly Reason<Right>[] }
);

/** Decides one condition for a viewer. */
export type ConditionEvaluator<Viewer extends object = object> = (condition: Condition, viewer: Viewer | null) => Promise<boolean>;

/** The rights of a viewer that an explanation may name, and the viewer as they would be with none and with one of them. */
export interface Rights<Viewer extends object, Right> {
  readonly withNone: Viewer;
  readonly each: readonly { readonly viewer: Viewer; readonly describe: () => Promise<Right> }[];
}

/** Decides as enforcement does, with the database if memory is not enough. */
export const evaluateAgainstRow =
  (context: AccessContext, subject: RowSubject | undefined): ConditionEvaluator =>
  async (condition, viewer) => {
    const { policy } = context.access;
    const decision = evaluateRule(policy, condition, viewer, subject);
    if (decision !== undefined || !subject?.row) return decision === true;
    const { id } = subject.row;
    return (await findMatchingRows(policy, policy.client(context), condition, viewer, { model: subject.model, ids: [id] })).has(id);
  };

/** Decides without looking at the row: a change that turns a denial into "depends on the row" counts as enough. */
export const evaluateHypothetically =
  (policy: Policy, before: object, subject: RowSubject | undefined): ConditionEvaluator =>
  async (condition, viewer) => {
    const ofModel = subject && { model: subject.model };
    const decision = evaluateRule(policy, condition, viewer, ofModel);
    return decision === true || (decision === undefined && evaluateRule(policy, condition, before, ofModel) === false);
  };

/** The rule with the decision of every part and, for each condition that is met, the rights that are enough for it. */
export async function explainRule<Viewer extends object, Right>(
  policy: Policy,
  rule: Rule,
  viewer: Viewer | null,
  evaluate: ConditionEvaluator<Viewer>,
  rights?: Rights<Viewer, Right>,
): Promise<Reason<Right>> {
  return explain(rule);

  async function explain(part: Rule): Promise<Reason<Right>> {
    if ('is' in part) {
      const met = await evaluate(part, viewer);
      const by = met && rights ? await sufficientRights(policy, part, rights, evaluate) : [];
      return { ...withLabel(policy, part), met, ...(by.length > 0 && { by }) };
    }
    const reasons = await Promise.all(('any' in part ? part.any : part.all).map(explain));
    if ('any' in part) return { any: reasons, met: reasons.some(({ met }) => met) };
    return { all: reasons, met: reasons.every(({ met }) => met) };
  }
}

/** The rule with those decisions that `disclose` returns. */
export function outline(policy: Policy, rule: Rule, disclose: (condition: Condition) => boolean | null): Reason<never> {
  if ('is' in rule) return { ...withLabel(policy, rule), met: disclose(rule) };
  const reasons = ('any' in rule ? rule.any : rule.all).map((part) => outline(policy, part, disclose));
  return 'any' in rule ? { any: reasons, met: null } : { all: reasons, met: null };
}

/** All rights that a reason names. */
export const rightsIn = <Right>(reason: Reason<Right>): Right[] =>
  'is' in reason ? [...(reason.by ?? [])] : ('any' in reason ? reason.any : reason.all).flatMap((part) => rightsIn(part));

/** Evaluates each condition once per viewer. */
export function memoizeEvaluator(evaluate: ConditionEvaluator): ConditionEvaluator {
  const byViewer = new Map<object | null, Map<string, Promise<boolean>>>();
  return (condition, viewer) => {
    const results = byViewer.get(viewer) ?? new Map<string, Promise<boolean>>();
    byViewer.set(viewer, results);
    const result = results.get(print(condition)) ?? evaluate(condition, viewer);
    results.set(print(condition), result);
    return result;
  };
}

const maxRights = 50; // per condition: each may cost a statement

/** The rights without which the condition would not be met, each of which is enough. */
async function sufficientRights<Viewer extends object, Right>(
  policy: Policy,
  condition: Condition,
  { withNone, each }: Rights<Viewer, Right>,
  evaluate: ConditionEvaluator<Viewer>,
): Promise<Right[]> {
  if (await evaluate(condition, withNone)) return [];
  const candidates = each.filter(({ viewer }) => evaluateRule(policy, condition, viewer) !== false).slice(0, maxRights);
  const met = await Promise.all(candidates.map(({ viewer }) => evaluate(condition, viewer)));
  return Promise.all(candidates.filter((_, index) => met[index]).map(({ describe }) => describe()));
}

const withLabel = (policy: Policy, condition: Condition) => ({
  ...condition,
  says: `the viewer ${policy.conditions[condition.is]?.label}`,
});
