import { parentOf } from '../rules/ownership.ts';
import type { Policy, PolicyTypes, RowFilter, RowSubject } from '../rules/policy.ts';
import { both, type Condition, type Decision, evaluate, type Rule } from '../rules/rule.ts';

/** Decides a rule with what is in memory: undefined if only the database can tell. */
export function evaluateRule<T extends PolicyTypes>(
  policy: Policy<T>,
  rule: Rule,
  viewer: T['Viewer'] | null,
  subject?: RowSubject,
): Decision {
  return evaluate(rule, (condition) => evaluateCondition(policy, condition, viewer, subject));
}

function evaluateCondition(policy: Policy, condition: Condition, viewer: object | null, subject: RowSubject | undefined): Decision {
  const definition = policy.conditions[condition.is];
  switch (definition?.dependsOn) {
    case 'viewer':
      return definition.inMemory(viewer, condition.of ?? '');
    case 'row':
      return definition.inMemory(subject);
    case 'viewerAndRow':
      return viewer ? definition.inMemory(viewer, subject, condition.of ?? '') : false;
    case 'writableRule':
      if (!viewer || !subject) return viewer ? undefined : false;
      return both(definition.limit ? definition.limit.inMemory(viewer, subject, '') : true, canWrite(policy, viewer, subject));
    default:
      return false;
  }
}

/** Compiles a rule into a database filter for the viewer. */
export function ruleToFilter<T extends PolicyTypes>(policy: Policy<T>, rule: Rule, viewer: T['Viewer'] | null, model: string): RowFilter {
  if ('is' in rule) return conditionToFilter(policy, rule, viewer, model);
  const [parts, decisive] = 'any' in rule ? [rule.any, true] : [rule.all, false];
  const filters = parts.map((part) => ruleToFilter(policy, part, viewer, model));
  if (filters.includes(decisive)) return decisive;
  const open = filters.filter((filter) => typeof filter !== 'boolean');
  if (open.length === 0) return !decisive;
  return open.length === 1 ? (open[0] as RowFilter) : { [decisive ? 'OR' : 'AND']: open };
}

function conditionToFilter(policy: Policy, condition: Condition, viewer: object | null, model: string): RowFilter {
  const definition = policy.conditions[condition.is];
  switch (definition?.dependsOn) {
    case 'viewer':
      return definition.inMemory(viewer, condition.of ?? '');
    case 'row':
      return definition.toWhere(model);
    case 'viewerAndRow':
      return viewer ? definition.toWhere(viewer, model, condition.of ?? '') : false;
    case 'writableRule':
      return viewer ? whereBoth(definition.limit?.toWhere(viewer, model, '') ?? true, whereWritable(policy, viewer, model)) : false;
    default:
      return false;
  }
}

/** The filter as an object: for false, one that no row matches. */
export function toPrismaWhere<Where extends object = object>(filter: Where | RowFilter): Where {
  if (filter === true) return {} as Where;
  return (filter === false ? { id: { in: [] } } : filter) as Where;
}

/** The ids out of `ids` whose rows meet the rule, in one statement. `client` is a connection or a transaction. */
export async function findMatchingRows<T extends PolicyTypes>(
  policy: Policy<T>,
  client: object,
  rule: Rule,
  viewer: T['Viewer'] | null,
  { model, ids }: { readonly model: string; readonly ids: readonly string[] },
): Promise<Set<string>> {
  const filter = ruleToFilter(policy, rule, viewer, model);
  if (typeof filter === 'boolean') return new Set(filter ? ids : []);
  const where = { AND: [{ id: { in: [...ids] } }, filter] };
  const rows = await policy.delegate(client, model).findMany({ where, select: { id: true } });
  return new Set(rows.map((row) => row.id));
}

/** True if the condition cannot be decided without a row. */
export function needsRow(policy: Policy, condition: Condition): boolean {
  const definition = policy.conditions[condition.is];
  if (definition?.dependsOn === 'viewerAndRow') return !definition.isRowOptional;
  return definition !== undefined && definition.dependsOn !== 'viewer';
}

function canWrite(policy: Policy, viewer: object, { model, row }: RowSubject): Decision {
  const writable = policy.ownership.models[model]?.writable;
  if (writable) return evaluateRule(policy, writable, viewer, { model, row });
  const parent = parentOf(policy.ownership, model);
  if (!parent) return false;
  const id = row?.[parent.column];
  return canWrite(policy, viewer, { model: parent.model, row: typeof id === 'string' ? { id } : undefined });
}

/** The rows that both filters match. */
export function whereBoth(one: RowFilter, other: RowFilter): RowFilter {
  if (one === true || other === false) return other;
  return one === false || other === true ? one : { AND: [one, other] };
}

function whereWritable(policy: Policy, viewer: object, model: string): RowFilter {
  const writable = policy.ownership.models[model]?.writable;
  if (writable) return ruleToFilter(policy, writable, viewer, model);
  const parent = parentOf(policy.ownership, model);
  if (!parent) return false;
  const inner = whereWritable(policy, viewer, parent.model);
  return typeof inner === 'boolean' ? inner : { [parent.by]: inner };
}
