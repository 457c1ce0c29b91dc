import type { Permission } from '../../policy/permissions.ts';
import type { Judge } from './reasons.ts';
import { atomsOf, type Rule } from '../rules/rule.ts';
import { ranks, type Viewer } from '../../identity/viewer.ts';

/** Something that a viewer may come to have. */
export interface Step {
  /** As people read it: `role ADMIN`, `scope users:read`. */
  readonly says: string;
  /** How much power it gives: the lightest way is named first. */
  readonly weight: number;
  readonly take: (viewer: Viewer) => Viewer;
}

/** Steps that together are enough. */
export type Way = readonly Step[];

const fresh: Step = { says: 'reauthenticate', weight: 1, take: (viewer) => ({ ...viewer, fresh: true }) };
const confirmed: Step = {
  says: 'confirm the e-mail address',
  weight: 2,
  take: (viewer) => ({ ...viewer, user: { ...viewer.user, emailConfirmedAt: viewer.now } }),
};
const session: Step = { says: 'session', weight: 40, take: (viewer) => ({ ...viewer, scopes: null }) };
const rank = (name: 'ADMIN' | 'SUPERADMIN'): Step => ({
  says: `role ${name}`,
  weight: name === 'ADMIN' ? 50 : 100,
  take: (viewer) => ({ ...viewer, rank: Math.max(viewer.rank, ranks[name]) }),
});

/** The steps that could matter to these rules; `domains` are those that a row is in. */
export function stepsFor(rule: Rule, domains: readonly { id: string; name: string }[] = []): Step[] {
  const named = (is: string) => [...new Set(atomsOf(rule).flatMap((atom) => (atom.is === is ? [atom.of as Permission] : [])))];
  return [
    fresh,
    confirmed,
    session,
    ...named('scope').map(
      (scope): Step => ({
        says: `scope ${scope}`,
        weight: 1,
        take: (viewer) => ({ ...viewer, scopes: viewer.scopes && new Set([...viewer.scopes, scope]) }),
      }),
    ),
    ...named('may').map(
      (permission): Step => ({
        says: `a role that permits ${permission}`,
        weight: 10,
        take: (viewer) => ({ ...viewer, permissions: new Set([...viewer.permissions, permission]) }),
      }),
    ),
    ...domains.map(
      ({ id, name }): Step => ({
        says: `role ADMIN in ${name}`,
        weight: 20,
        take: (viewer) => ({ ...viewer, administers: [...viewer.administers, id] }),
      }),
    ),
    rank('ADMIN'),
    rank('SUPERADMIN'),
  ];
}

/** The least that would have to be added for the viewer to meet the rule: each way is enough, the lightest comes first; none where nothing would do. */
export async function waysTo(rule: Rule, viewer: Viewer, steps: readonly Step[], judge: Judge): Promise<Way[]> {
  const taken = new Map(steps.map((step) => [step, step.take(viewer)]));
  return search(rule);

  async function search(part: Rule): Promise<Way[]> {
    if ('is' in part) {
      if (await judge(part, viewer)) return [[]];
      const met = await Promise.all(steps.map((step) => judge(part, taken.get(step) ?? viewer)));
      return least(steps.flatMap((step, index) => (met[index] ? [[step]] : [])));
    }
    const ways = await Promise.all(('any' in part ? part.any : part.all).map(search));
    return 'any' in part ? least(ways.flat()) : together(ways);
  }
}

const most = 20; // of ways to go on with: what is left out is longer or heavier than all of them

/** All of these have to be reached: every choice of one way for each. */
export const together = (parts: readonly (readonly Way[])[]): Way[] =>
  parts.reduce<Way[]>((soFar, ways) => least(soFar.flatMap((way) => ways.map((next) => union(way, next)))), [[]]);

/** A higher rank holds what a lower one does. */
function union(one: Way, other: Way): Way {
  const steps = new Map([...one, ...other].map((step) => [step.says, step]));
  if (steps.has('role SUPERADMIN')) steps.delete('role ADMIN');
  return [...steps.values()];
}

/** The ways that hold no other way, the lightest first. */
function least(ways: readonly Way[]): Way[] {
  const unique = [...new Map(ways.map((way) => [sayWay(way), way])).values()];
  const isLighter = (other: Way, way: Way) =>
    other !== way &&
    other.length <= way.length &&
    other.every((step) => holds(way, step) || (step.says === 'role ADMIN' && holds(way, highest)));
  const minimal = unique.filter((way) => !unique.some((other) => isLighter(other, way)));
  return minimal.sort((a, b) => weigh(a) - weigh(b) || a.length - b.length).slice(0, most);
}

const highest = rank('SUPERADMIN');
const holds = (way: Way, step: Step) => way.some(({ says }) => says === step.says);
const weigh = (way: Way) => way.reduce((sum, { weight }) => sum + weight, 0);

/** A way as people read it. */
export const sayWay = (way: Way) =>
  way
    .map(({ says }) => says)
    .sort()
    .join(' and ');
