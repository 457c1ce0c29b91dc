import { encodeGlobalID } from '@pothos/plugin-relay';
import { ifVisible } from '../authorization/evaluate/decisions.ts';
import type { Rights } from '../authorization/explain/reasons.ts';
import { sql } from '../database/database.ts';
import { platformGrants, type Viewer, type ViewerGrant } from '../identity/viewer.ts';
import type { PolicyContext } from './policy.ts';

/** A grant that is enough for a part of a rule. The role and the domain are null if the caller cannot see them. */
export interface GrantReason {
  readonly grant: string;
  readonly role: string | null;
  readonly domain: string | null;
}

/** The viewer's grants that the caller can see, as the rights that an explanation names. */
export async function grantRights(context: PolicyContext, viewer: Viewer): Promise<Rights<Viewer, GrantReason>> {
  const [visible, withGrants] = await Promise.all([visibleGrants(context, viewer), withOnlyGrants(context, viewer)]);
  return {
    withNone: withGrants([]),
    each: visible.map((grant) => ({ viewer: withGrants([grant]), describe: () => describeGrant(context, grant) })),
  };
}

/** The viewer's grants that the caller can see. */
export async function visibleGrants(context: PolicyContext, viewer: Viewer): Promise<ViewerGrant[]> {
  const visible = await Promise.all(viewer.grants.map((grant) => ifVisible(context, 'RoleGrant', grant)));
  return viewer.grants.filter((_, index) => visible[index]);
}

/** Returns a function that reduces the viewer to some of their grants. */
export async function withOnlyGrants(
  { db }: Pick<PolicyContext, 'db'>,
  viewer: Viewer,
): Promise<(grants: readonly ViewerGrant[]) => Viewer> {
  const descendants = await db.prisma.$queryRaw<{ root: string; id: string }[]>(sql`
    select root.id::text as root, below.id::text from unnest(${administeredRoots(viewer.grants)}::uuid[]) as root (id)
    cross join lateral domain_descendants(root.id) below`);
  return (grants) => {
    const roots = new Set(administeredRoots(grants));
    const administered = new Set(descendants.flatMap(({ root, id }) => (roots.has(root) ? [id] : [])));
    const administeredDomainIds = viewer.administeredDomainIds.filter((id) => administered.has(id));
    return { ...viewer, grants, ...platformGrants(grants), administeredDomainIds };
  };
}

/** The domains in which the grants give the role ADMIN directly. */
const administeredRoots = (grants: readonly ViewerGrant[]) =>
  grants.flatMap(({ domainId, role }) => (domainId && role.builtIn && role.name === 'ADMIN' ? [domainId] : []));

async function describeGrant(context: PolicyContext, { id, role, domain }: ViewerGrant): Promise<GrantReason> {
  const [visibleRole, visibleDomain] = await Promise.all([ifVisible(context, 'Role', role), ifVisible(context, 'Domain', domain)]);
  return { grant: encodeGlobalID('RoleGrant', id), role: visibleRole?.name ?? null, domain: visibleDomain?.name ?? null };
}
