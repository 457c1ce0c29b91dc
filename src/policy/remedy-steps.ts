import type { RemedyStep } from '../authorization/explain/remedies.ts';
import { conditionsOf, type Rule } from '../authorization/rules/rule.ts';
import { ranks, type Viewer } from '../identity/viewer.ts';

type Step = RemedyStep<Viewer>;

/** The changes to a viewer that can matter to a rule. `domains` are those that the row is in. */
export function remedySteps(
  rule: Rule,
  { reach }: Pick<Viewer, 'reach'>,
  domains: readonly { readonly id: string; readonly name: string }[] = [],
): Step[] {
  const permissionsIn = (name: 'may' | 'scope') => [
    ...new Set(conditionsOf(rule).flatMap(({ is, of }) => (is === name && of ? [of] : []))),
  ];
  return [
    ...authenticationSteps,
    ...permissionsIn('scope').map(addScope),
    ...permissionsIn('may').map(addPermission),
    ...domains.map(addDomain),
    ...(reach ? confinedRankSteps : rankSteps),
  ];
}

const authenticationSteps: readonly Step[] = [
  { label: 'reauthenticate', weight: 1, apply: (viewer) => ({ ...viewer, recentlyAuthenticated: true }) },
  {
    label: 'confirm the email address',
    weight: 2,
    apply: (viewer) => ({ ...viewer, user: { ...viewer.user, emailConfirmedAt: viewer.now } }),
  },
  { label: 'session', weight: 40, apply: withSession },
];

const rankSteps: readonly Step[] = [
  { label: 'role ADMIN', weight: 50, apply: (viewer) => withRank(viewer, ranks.ADMIN) },
  { label: 'role SUPERADMIN', weight: 100, includes: ['role ADMIN'], apply: (viewer) => withRank(viewer, ranks.SUPERADMIN) },
];

/** With an API token of a domain, a rank is not enough. */
const confinedRankSteps: readonly Step[] = rankSteps.map(({ label, weight, includes = [], apply }) => ({
  label: `session with ${label}`,
  weight: weight + 40,
  includes: ['session', ...includes.map((included) => `session with ${included}`)],
  apply: (viewer) => apply(withSession(viewer)),
}));

/** Of an API token of a domain, only the grants in that domain are known: those of the same user elsewhere do not show. */
function withSession(viewer: Viewer): Viewer {
  return { ...viewer, scopes: null, reach: null };
}

const withRank = (viewer: Viewer, rank: number): Viewer => ({ ...viewer, rank: Math.max(viewer.rank, rank) });

const addScope = (scope: string): Step => ({
  label: `scope ${scope}`,
  weight: 1,
  apply: (viewer) => ({ ...viewer, scopes: viewer.scopes && new Set([...viewer.scopes, scope]) }),
});

const addPermission = (permission: string): Step => ({
  label: `a role that permits ${permission}`,
  weight: 10,
  apply: (viewer) => ({ ...viewer, permissions: new Set([...viewer.permissions, permission]) }),
});

const addDomain = ({ id, name }: { readonly id: string; readonly name: string }): Step => ({
  label: `role ADMIN in ${name}`,
  weight: 20,
  apply: (viewer) => ({ ...viewer, administeredDomainIds: [...viewer.administeredDomainIds, id] }),
});
