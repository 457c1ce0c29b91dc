/** A rule: a small tree of plain data that says who may. Everything that needs to know it is compiled from this one value. */
export type Rule = Condition | { readonly any: readonly Rule[] } | { readonly all: readonly Rule[] };

/** A leaf of a rule. What each one means is the table in `vocabulary.ts`. */
export type Condition = { readonly is: string; readonly of?: string };

/** One of these is enough. */
export const any = (...rules: [Rule, ...Rule[]]): Rule => join('any', rules);

/** All of these are needed. */
export const all = (...rules: [Rule, ...Rule[]]): Rule => join('all', rules);

/** The rule as people read it: `scope(users:read) & (self | admin)`. */
export function print(rule: Rule): string {
  if ('is' in rule) return rule.of === undefined ? rule.is : `${rule.is}(${rule.of})`;
  const [parts, sign] = 'any' in rule ? [rule.any, ' | '] : [rule.all, ' & '];
  return parts.map((part) => ('is' in part ? print(part) : `(${print(part)})`)).join(sign);
}

/** The leaves of a rule, in reading order. */
export const conditionsOf = (rule: Rule): Condition[] =>
  'is' in rule ? [rule] : ('any' in rule ? rule.any : rule.all).flatMap(conditionsOf);

/** Evaluates a rule in three values: true, false, and undefined where a leaf does not know. */
export function evaluate(rule: Rule, verdict: (atom: Condition) => boolean | undefined): boolean | undefined {
  if ('is' in rule) return verdict(rule);
  const [parts, decisive] = 'any' in rule ? [rule.any, true] : [rule.all, false];
  let open = false;
  for (const part of parts) {
    const value = evaluate(part, verdict);
    if (value === decisive) return decisive;
    if (value === undefined) open = true;
  }
  return open ? undefined : !decisive;
}

/** Flattens equal combinators and drops repetitions, so that equal rules print equally and are judged once. */
function join(kind: 'any' | 'all', rules: readonly Rule[]): Rule {
  const flat = rules.flatMap((rule) => (kind in rule ? (rule as Record<typeof kind, readonly Rule[]>)[kind] : [rule]));
  const seen = new Set<string>();
  const parts = flat.filter((rule) => !seen.has(print(rule)) && seen.add(print(rule)));
  if (parts.length === 1 && parts[0]) return parts[0];
  return Object.freeze(kind === 'any' ? { any: parts } : { all: parts });
}
