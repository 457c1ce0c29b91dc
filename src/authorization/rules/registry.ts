import type { GraphQLSchema } from 'graphql';
import type { Access, AccessContext, PolicyTypes } from './policy.ts';
import type { Rule } from './rule.ts';

/** The access rules of a schema that was built with the access plugin. */
export function accessOf<T extends PolicyTypes = PolicyTypes>(schema: GraphQLSchema): Access<T> {
  const { access } = schema.extensions as { access?: Access<T> };
  if (!access) throw new Error('The schema was built without the access plugin');
  return access;
}

/** The rule at a coordinate. Throws if there is none, which cannot happen for the coordinates of a built schema. */
export function ruleOf({ access }: Pick<AccessContext, 'access'>, coordinate: string): Rule {
  const rule = access.rules.get(coordinate);
  if (!rule) throw new Error(`${coordinate} has no rule`);
  return rule;
}
