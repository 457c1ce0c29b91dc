/** An access rule: a small tree of plain data. Guards, database filters, the printed schema and explanations are all compiled from this value. */
export type Rule<C extends Condition = Condition> = C | { readonly any: readonly Rule<C>[] } | { readonly all: readonly Rule<C>[] };

/** A leaf of a rule: the name of a condition that the policy defines and, if the condition takes one, its argument. */
export interface Condition {
  readonly is: string;
  readonly of?: string;
}

/** One of these rules is enough. */
export const any = <C extends Condition>(...rules: [Rule<C>, ...Rule<C>[]]): Rule<C> => join('any', rules) as Rule<C>;

/** All of these rules are required. */
export const all = <C extends Condition>(...rules: [Rule<C>, ...Rule<C>[]]): Rule<C> => join('all', rules) as Rule<C>;

/** The rule as text: `scope(users:read) & (self | admin)`. */
export function print(rule: Rule): string {
  if ('is' in rule) return rule.of === undefined ? rule.is : `${rule.is}(${rule.of})`;
  const [parts, sign] = 'any' in rule ? [rule.any, ' | '] : [rule.all, ' & '];
  return parts.map((part) => ('is' in part ? print(part) : `(${print(part)})`)).join(sign);
}

/** The conditions of a rule, in reading order. */
export function conditionsOf<C extends Condition>(rule: Rule<C>): C[] {
  if ('is' in rule) return [rule];
  return ('any' in rule ? rule.any : rule.all).flatMap((part) => conditionsOf(part));
}

/**
 * True: met. False: not met. Undefined: only the database can tell. A boolean and not three names, so that code that forgets the third
 * value denies.
 */
export type Decision = boolean | undefined;

/** Evaluates a rule in three-valued logic: undefined if a condition that matters is undecided. */
export function evaluate(rule: Rule, decideCondition: (condition: Condition) => Decision): Decision {
  if ('is' in rule) return decideCondition(rule);
  const [parts, decisive] = 'any' in rule ? [rule.any, true] : [rule.all, false];
  let isOpen = false;
  for (const part of parts) {
    const decision = evaluate(part, decideCondition);
    if (decision === decisive) return decisive;
    if (decision === undefined) isOpen = true;
  }
  return isOpen ? undefined : !decisive;
}

/** Both decisions have to be met. */
export function both(one: Decision, other: Decision): Decision {
  if (one === false || other === false) return false;
  return one === undefined || other === undefined ? undefined : true;
}

/** Flattens nested combinators of one kind and drops repetitions, so that equal rules print equally and are evaluated once. */
function join(kind: 'any' | 'all', rules: readonly Rule[]): Rule {
  const flat = rules.flatMap((rule) => (kind in rule ? (rule as Record<typeof kind, readonly Rule[]>)[kind] : [rule]));
  const texts = flat.map(print);
  const parts = flat.filter((_, index) => texts.indexOf(texts[index] as string) === index);
  if (parts.length === 1 && parts[0]) return parts[0];
  return Object.freeze(kind === 'any' ? { any: parts } : { all: parts });
}
