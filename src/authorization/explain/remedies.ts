import type { Rule } from '../rules/rule.ts';
import type { ConditionEvaluator } from './reasons.ts';

/** A change to a viewer that can give access. */
export interface RemedyStep<Viewer extends object = object> {
  /** As people read it: `scope users:read`. Identifies the step. */
  readonly label: string;
  /** How much power the step gives: remedies are sorted by it. */
  readonly weight: number;
  /** The labels of weaker steps that this one includes. */
  readonly includes?: readonly string[];
  apply(viewer: Viewer): Viewer;
}

/** Steps that are enough together. */
export type Remedy<Viewer extends object = object> = readonly RemedyStep<Viewer>[];

const maxRemedies = 20; // kept while searching: what is cut off is heavier than all of them

/** The minimal sets of steps that would make the viewer meet the rule, the lightest first; empty if no steps would. */
export async function findRemedies<Viewer extends object>(
  rule: Rule,
  viewer: Viewer,
  steps: readonly RemedyStep<Viewer>[],
  evaluate: ConditionEvaluator<Viewer>,
): Promise<Remedy<Viewer>[]> {
  const changed = steps.map((step) => ({ step, viewer: step.apply(viewer) }));
  return search(rule);

  async function search(part: Rule): Promise<Remedy<Viewer>[]> {
    if ('is' in part) {
      if (await evaluate(part, viewer)) return [[]];
      const met = await Promise.all(changed.map((change) => evaluate(part, change.viewer)));
      return minimal(changed.flatMap(({ step }, index) => (met[index] ? [[step]] : [])));
    }
    const remedies = await Promise.all(('any' in part ? part.any : part.all).map(search));
    return 'any' in part ? minimal(remedies.flat()) : combine(remedies);
  }
}

/** The remedies for several requirements at once: every choice of one remedy for each. */
export const combine = <Viewer extends object>(parts: readonly (readonly Remedy<Viewer>[])[]): Remedy<Viewer>[] =>
  parts.reduce<Remedy<Viewer>[]>(
    (combined, remedies) => minimal(combined.flatMap((one) => remedies.map((other) => union(one, other)))),
    [[]],
  );

/** The remedy as people read it. */
export const formatRemedy = (remedy: readonly Pick<RemedyStep, 'label'>[]) =>
  remedy
    .map(({ label }) => label)
    .sort()
    .join(' and ');

function union<Viewer extends object>(one: Remedy<Viewer>, other: Remedy<Viewer>): Remedy<Viewer> {
  const steps = new Map([...one, ...other].map((step) => [step.label, step]));
  for (const { includes = [] } of steps.values()) for (const label of includes) steps.delete(label);
  return [...steps.values()];
}

/** The remedies that contain no other remedy, the lightest first. */
function minimal<Viewer extends object>(remedies: readonly Remedy<Viewer>[]): Remedy<Viewer>[] {
  const unique = [...new Map(remedies.map((remedy) => [formatRemedy(remedy), remedy])).values()];
  return unique
    .filter(
      (remedy) => !unique.some((other) => other !== remedy && other.length <= remedy.length && other.every((step) => covers(remedy, step))),
    )
    .sort((a, b) => weightOf(a) - weightOf(b) || a.length - b.length)
    .slice(0, maxRemedies);
}

const covers = (remedy: readonly Omit<RemedyStep, 'apply'>[], { label }: { readonly label: string }) =>
  remedy.some((step) => step.label === label || step.includes?.includes(label));

const weightOf = (remedy: readonly Pick<RemedyStep, 'weight'>[]) => remedy.reduce((sum, { weight }) => sum + weight, 0);
