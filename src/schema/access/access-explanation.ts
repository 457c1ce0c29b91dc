import type { Reason } from '../../authorization/explain/reasons.ts';
import { print, type Rule } from '../../authorization/rules/rule.ts';
import { builder } from '../../graphql/builder.ts';
import type { ViewerGrant } from '../../identity/viewer.ts';
import { anyone } from '../../policy/conditions.ts';

/** Why a rule is met or not, as far as the caller is told. */
export interface Explanation {
  readonly coordinate: string;
  readonly rule: Rule;
  readonly allowed: boolean;
  /** Why, found out once and only where it is asked for: it costs more than the verdict. */
  readonly details: () => Promise<ExplanationDetails>;
}

export interface ExplanationDetails {
  readonly tree: Reason;
  readonly satisfiedBy: readonly ViewerGrant[] | null;
  readonly wouldSatisfy: readonly string[];
}

// Three of an operation: each asks about every grant that matters.
const reasonsComplexity = 1_500;

export const AccessExplanation = builder.objectRef<Explanation>('AccessExplanation').implement({
  description: 'Why somebody may do something, or may not.',
  access: anyone('whoever was given the explanation may read it'),
  fields: (t) => ({
    coordinate: t.exposeString('coordinate', { nullable: false, description: 'The place in the schema, as `accessRules` names it.' }),
    allowed: t.exposeBoolean('allowed', { nullable: false, description: 'Whether the rule is met: what the server would decide now.' }),
    rule: t.string({ nullable: false, description: 'The rule as people read it.', resolve: ({ rule }) => print(rule) }),
    tree: t.field({
      type: 'JSON',
      extensions: { complexity: reasonsComplexity },
      nullable: false,
      description:
        'The rule as data: `is`, `any`, `all`, each with `met` and what it says; `by` are the grants that satisfy a part. `met` is null where the viewer is not told: whoever does not administer the row learns only what says nothing of it. The verdict of the whole is `allowed`.',
      resolve: async ({ details }) => (await details()).tree,
    }),
    satisfiedBy: t.field({
      type: ['RoleGrant'] as never,
      extensions: { complexity: reasonsComplexity },
      nullable: { list: true, items: false } as never,
      description: 'The grants that satisfy a part of the rule, as far as the viewer may know of them; null where the viewer is not told.',
      resolve: async ({ details }) => (await details()).satisfiedBy as never,
    }),
    wouldSatisfy: t.stringList({
      extensions: { complexity: reasonsComplexity },
      nullable: { list: false, items: false },
      description:
        'What would be enough, each by itself, the least first; empty where the rule is met, or where nothing would be. Without an object: what is enough for every one.',
      resolve: async ({ allowed, details }) => (allowed ? [] : [...(await details()).wouldSatisfy]),
    }),
  }),
});
