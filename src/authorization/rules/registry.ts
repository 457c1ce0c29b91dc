import type { Model } from '../../policy/ownership.ts';
import type { Rule } from './rule.ts';

/** The rule of every coordinate of the schema (`User`, `User.email`, `Query.users`, `UserFilter.search`), filled as it is built. */
export const ruleByCoordinate = new Map<string, Rule>();

/** The rule at a coordinate. Throws when there is none, which a built schema excludes. */
export function ruleOf(coordinate: string): Rule {
  const rule = ruleByCoordinate.get(coordinate);
  if (!rule) throw new Error(`${coordinate} has no rule`);
  return rule;
}

/** The models of the rows that rules ask about, by coordinate; a place that is about no row has none. */
export const modelByCoordinate = new Map<string, Model>();

/** What a mutation is about. */
export interface MutationTarget {
  /** The model of the row that its rule is applied to. */
  readonly model: Model;
  /** The model whose fields its input sets, where that is another one. */
  readonly updates: Model;
}

/** The mutations that are about a row, by coordinate. */
export const mutationTargets = new Map<string, MutationTarget>();
