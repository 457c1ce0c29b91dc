import type { Rule } from './rule.ts';

/** The rule of every coordinate of the schema (`User`, `User.email`, `Query.users`, `UserFilter.search`), filled as it is built. */
export const rules = new Map<string, Rule>();

/** The rule at a coordinate. Throws when there is none, which a built schema excludes. */
export function ruleOf(coordinate: string): Rule {
  const rule = rules.get(coordinate);
  if (!rule) throw new Error(`${coordinate} has no rule`);
  return rule;
}
