import { accessOf, ruleOf as ruleAt } from '../../src/authorization/rules/registry.ts';
import type { PolicyTypes } from '../../src/policy/models.ts';
import { schema } from '../../src/schema/schema.ts';

/** The access rules of the product's schema. */
export const access = accessOf<PolicyTypes>(schema);

export const ruleOf = (coordinate: string) => ruleAt({ access }, coordinate);

/** For tests that change rules for a while. */
export const mutableRules = access.rules as Map<string, ReturnType<typeof ruleOf>>;
