import type { Reason } from '../../authorization/explain/reasons.ts';
import { print, type Rule } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import type { ViewerGrant } from '../../identity/viewer.ts';
import { anyone } from '../../policy/conditions.ts';

/** Why access is allowed or denied, in the detail that the caller may see. */
export interface Explanation {
  readonly coordinate: string;
  readonly rule: Rule;
  readonly allowed: boolean;
  /** Computed once and only if selected: it costs more than the decision. */
  readonly details: () => Promise<ExplanationDetails>;
}

export interface ExplanationDetails {
  readonly tree: Reason;
  readonly satisfiedBy: readonly ViewerGrant[] | null;
  readonly wouldSatisfy: readonly string[];
}

// Allows three per operation: each evaluates the rule for every relevant grant.
const detailsComplexity = 1_500;

export const AccessExplanation = builder.objectRef<Explanation>('AccessExplanation').implement({
  description: 'An explanation of why access to a schema element is allowed or denied.',
  access: anyone('it is the result of a query that the caller was allowed to run'),
  fields: (t) => ({
    coordinate: t.exposeString('coordinate', { nullable: false, description: 'Coordinate of the element, as in `accessRules`.' }),
    allowed: t.exposeBoolean('allowed', { nullable: false, description: 'True if the server would currently allow access.' }),
    rule: t.string({ nullable: false, description: 'The rule as text.', resolve: ({ rule }) => print(rule) }),
    tree: t.field({
      type: 'JSON',
      extensions: { complexity: detailsComplexity },
      nullable: false,
      description:
        'The rule as data: nested objects with `is`, `any` or `all`, a label, the result `met`, and in `by` the grants that satisfy the part. `met` is null if it would disclose something about an object that the caller does not administer.',
      resolve: async ({ details }) => (await details()).tree,
    }),
    satisfiedBy: t.field({
      type: ['RoleGrant'] as never,
      extensions: { complexity: detailsComplexity },
      nullable: { list: true, items: false } as never,
      description: 'The grants that satisfy a part of the rule, or null if the caller may not see them.',
      resolve: async ({ details }) => (await details()).satisfiedBy as never,
    }),
    wouldSatisfy: t.stringList({
      extensions: { complexity: detailsComplexity },
      nullable: { list: false, items: false },
      description:
        'Alternative changes that would allow access, smallest first. Empty if access is allowed or no change would allow it. Without `nodeId`, changes that suffice for every object.',
      resolve: async ({ allowed, details }) => (allowed ? [] : [...(await details()).wouldSatisfy]),
    }),
  }),
});
