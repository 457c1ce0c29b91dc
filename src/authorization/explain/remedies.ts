import { ranks, type Viewer } from '../../identity/viewer.ts';
import type { Permission } from '../../policy/permissions.ts';
import { conditionsOf, type Rule } from '../rules/rule.ts';
import type { ConditionEvaluator } from './reasons.ts';

/** Something that a viewer may come to have. */
export interface RemedyStep {
  /** As people read it: `role ADMIN`, `scope users:read`. */
  readonly label: string;
  /** How much power it gives: the lightest way is named first. */
  readonly weight: number;
  readonly apply: (viewer: Viewer) => Viewer;
}

/** Steps that together are enough. */
export type Remedy = readonly RemedyStep[];

const fresh: RemedyStep = { label: 'reauthenticate', weight: 1, apply: (viewer) => ({ ...viewer, recentlyAuthenticated: true }) };
const confirmed: RemedyStep = {
  label: 'confirm the e-mail address',
  weight: 2,
  apply: (viewer) => ({ ...viewer, user: { ...viewer.user, emailConfirmedAt: viewer.now } }),
};
const session: RemedyStep = { label: 'session', weight: 40, apply: (viewer) => ({ ...viewer, scopes: null }) };
const rank = (name: 'ADMIN' | 'SUPERADMIN'): RemedyStep => ({
  label: `role ${name}`,
  weight: name === 'ADMIN' ? 50 : 100,
  apply: (viewer) => ({ ...viewer, rank: Math.max(viewer.rank, ranks[name]) }),
});

/** The steps that could matter to these rules; `domains` are those that a row is in. */
export function candidateChanges(rule: Rule, domains: readonly { id: string; name: string }[] = []): RemedyStep[] {
  const named = (is: string) => [...new Set(conditionsOf(rule).flatMap((atom) => (atom.is === is ? [atom.of as Permission] : [])))];
  return [
    fresh,
    confirmed,
    session,
    ...named('scope').map(
      (scope): RemedyStep => ({
        label: `scope ${scope}`,
        weight: 1,
        apply: (viewer) => ({ ...viewer, scopes: viewer.scopes && new Set([...viewer.scopes, scope]) }),
      }),
    ),
    ...named('may').map(
      (permission): RemedyStep => ({
        label: `a role that permits ${permission}`,
        weight: 10,
        apply: (viewer) => ({ ...viewer, permissions: new Set([...viewer.permissions, permission]) }),
      }),
    ),
    ...domains.map(
      ({ id, name }): RemedyStep => ({
        label: `role ADMIN in ${name}`,
        weight: 20,
        apply: (viewer) => ({ ...viewer, administeredDomainIds: [...viewer.administeredDomainIds, id] }),
      }),
    ),
    rank('ADMIN'),
    rank('SUPERADMIN'),
  ];
}

/** The least that would have to be added for the viewer to meet the rule: each way is enough, the lightest comes first; none where nothing would do. */
export async function findRemedies(rule: Rule, viewer: Viewer, steps: readonly RemedyStep[], judge: ConditionEvaluator): Promise<Remedy[]> {
  const taken = new Map(steps.map((step) => [step, step.apply(viewer)]));
  return search(rule);

  async function search(part: Rule): Promise<Remedy[]> {
    if ('is' in part) {
      if (await judge(part, viewer)) return [[]];
      const met = await Promise.all(steps.map((step) => judge(part, taken.get(step) ?? viewer)));
      return least(steps.flatMap((step, index) => (met[index] ? [[step]] : [])));
    }
    const ways = await Promise.all(('any' in part ? part.any : part.all).map(search));
    return 'any' in part ? least(ways.flat()) : combine(ways);
  }
}

const most = 20; // of ways to go on with: what is left out is longer or heavier than all of them

/** All of these have to be reached: every choice of one way for each. */
export const combine = (parts: readonly (readonly Remedy[])[]): Remedy[] =>
  parts.reduce<Remedy[]>((soFar, ways) => least(soFar.flatMap((way) => ways.map((next) => union(way, next)))), [[]]);

/** A higher rank holds what a lower one does. */
function union(one: Remedy, other: Remedy): Remedy {
  const steps = new Map([...one, ...other].map((step) => [step.label, step]));
  if (steps.has('role SUPERADMIN')) steps.delete('role ADMIN');
  return [...steps.values()];
}

/** The ways that hold no other way, the lightest first. */
function least(ways: readonly Remedy[]): Remedy[] {
  const unique = [...new Map(ways.map((way) => [formatRemedy(way), way])).values()];
  const isLighter = (other: Remedy, way: Remedy) =>
    other !== way &&
    other.length <= way.length &&
    other.every((step) => holds(way, step) || (step.label === 'role ADMIN' && holds(way, highest)));
  const minimal = unique.filter((way) => !unique.some((other) => isLighter(other, way)));
  return minimal.sort((a, b) => weigh(a) - weigh(b) || a.length - b.length).slice(0, most);
}

const highest = rank('SUPERADMIN');
const holds = (way: Remedy, step: RemedyStep) => way.some(({ label }) => label === step.label);
const weigh = (way: Remedy) => way.reduce((sum, { weight }) => sum + weight, 0);

/** A way as people read it. */
export const formatRemedy = (way: Remedy) =>
  way
    .map(({ label }) => label)
    .sort()
    .join(' and ');
