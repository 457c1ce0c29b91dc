import { all, any } from '../../authorization/rules/rule.ts';
import { sql, type Tx } from '../../database/database.ts';
import type { Domain, Role } from '../../database/generated/prisma/client.ts';
import { graphqlError, validationError } from '../../errors.ts';
import type { LockAlso, MutationScope } from '../../graphql/mutation.ts';
import { ancestors } from '../../identity/domains/domain-tree.ts';
import { lockDomain } from '../../identity/domains/lock-domain.ts';
import { isPlatformAdmin, ranks, type Viewer, type ViewerGrant } from '../../identity/viewer.ts';
import { admin, delegates, domainAdmin, may, outranks, session, superadmin } from '../../policy/conditions.ts';
import { activeGrants, domainsWithPermission } from '../../policy/grants-scope.ts';
import { findMatchingIds } from '../../policy/policy.ts';

/** Who may grant roles to a user without delegating one of their grants. */
const directAuthority = any(domainAdmin, outranks, superadmin);

/**
 * Who may grant and revoke roles without a rank; roles with a rank are reserved to superadmins. Callers who delegate may only grant to users
 * that a role lets them read.
 */
export const grantRule = all(session, any(directAuthority, all(delegates, may('users:read'))));

/** A grant as the caller describes it: the names of the role and of the domain. */
export interface GrantRequest {
  readonly userId: string;
  readonly role: string;
  readonly domain?: string | null | undefined;
}

type NamedRole = Pick<Role, 'id' | 'name' | 'permissions'>;

interface ResolvedGrant {
  readonly role: NamedRole;
  readonly domain: { readonly id: string; readonly name: string; readonly open: boolean } | null;
  /** The viewer's grants from which this one may be delegated, or null if the viewer has direct authority. */
  readonly delegableGrants: readonly ViewerGrant[] | null;
}

/** What `resolveGrant`, and then the change of the grant, need to be locked. */
export const lockGrant =
  ({ userId, role, domain }: GrantRequest): LockAlso =>
  async (tx) => {
    const [found] = await tx.$queryRaw<{ domains: string[]; grants: string[] }[]>(sql`
      select array_remove(array[d.id::text], null) as domains, array(
        select g.id::text from "RoleGrant" g join "Role" r on r.id = g."roleId"
        where g."userId" = ${userId}::uuid and r.name = ${role} and g."domainId" is not distinct from d.id
      ) as grants from (select ${domain ?? null}::text as name) named left join "Domain" d on d.name = named.name`);
    return { domains: found?.domains ?? [], changedGrants: found?.grants ?? [] };
  };

/** True if the viewer can see the grants in the domain, or those without one, of users that they can see. */
export function canSeeGrantsIn(viewer: Viewer, domainId: string | null): boolean {
  const readable = domainsWithPermission(viewer, 'users:read');
  if (isPlatformAdmin(viewer) || readable === 'everywhere') return true;
  return domainId !== null && [...viewer.administeredDomainIds, ...readable].includes(domainId);
}

/** Finds role and domain by name and checks that the viewer may grant or revoke the role there. Locks both until the transaction ends. */
export async function resolveGrant(mutation: MutationScope, { userId, ...names }: GrantRequest): Promise<ResolvedGrant> {
  const { role, domain } = await lockNamed(mutation, names);
  const isDirect = await hasDirectAuthority(mutation, userId, domain?.id);
  const delegableGrants = isDirect ? null : await requireDelegableGrants(mutation, userId, role, domain?.id);
  return { ...requireRole(role, domain), delegableGrants };
}

/** The same for a user without an account, which requires direct authority and an active domain. */
export async function resolveGrantForNewUser(
  mutation: MutationScope,
  names: Omit<GrantRequest, 'userId'>,
): Promise<Omit<ResolvedGrant, 'delegableGrants'>> {
  const { viewer, require } = mutation;
  const { role, domain } = await lockNamed(mutation, names);
  if (!administers(viewer, domain?.id)) require(domain ? any(domainAdmin, admin) : admin);
  if (domain?.open === false) throw validationError({ domain: ['must be active'] });
  return requireRole(role, domain);
}

/** True if `granter` has direct authority over a grant. Checked after the user has received it, and with it became a member of the domain. */
export async function canGrantAny(tx: Tx, granter: Viewer, { userId, role, domain }: ReceivedGrant): Promise<boolean> {
  const { enabled, deletedAt } = granter.user;
  if (!enabled || deletedAt || !administers(granter, domain?.id)) return false;
  if (isAdministrativeRole(role) && granter.rank < ranks.SUPERADMIN) return false;
  if (domain?.open === false) return false;
  return (await findMatchingIds(tx, directAuthority, granter, 'User', [userId])).has(userId);
}

interface ReceivedGrant {
  readonly userId: string;
  readonly role: Pick<Role, 'name'>;
  readonly domain: Pick<Domain, 'id' | 'open'> | null;
}

async function lockNamed({ tx, viewer, require }: MutationScope, names: Omit<GrantRequest, 'userId'>) {
  const domain = names.domain == null ? null : ((await lockDomain(tx, names.domain)) ?? null);
  const role = await lockRole(tx, names.role);
  if (names.domain != null && !(domain?.open || (domain && isPlatformAdmin(viewer))))
    throw validationError({ domain: ['must be an existing domain'] });
  if (role && isAdministrativeRole(role)) require(superadmin);
  return { role, domain };
}

/** Runs after all other checks, so that only callers who may grant learn which role names exist. */
function requireRole(role: NamedRole | undefined, domain: ResolvedGrant['domain']) {
  if (!role) throw validationError({ role: ['must be an existing role'] });
  if (role.name === 'SUPERADMIN' && domain) throw validationError({ domain: ['must be omitted for SUPERADMIN'] });
  return { role, domain };
}

/** True if the role carries a rank: only superadmins grant it, and it cannot be delegated. */
export const isAdministrativeRole = ({ name }: Pick<Role, 'name'>) => name === 'ADMIN' || name === 'SUPERADMIN';

async function lockRole(tx: Tx, name: string): Promise<NamedRole | undefined> {
  const [role] = await tx.$queryRaw<NamedRole[]>(sql`select id::text, name, permissions from "Role" where name = ${name} for key share`);
  return role;
}

/** The rule of the mutation is not enough to decide this: delegation meets it too. */
async function hasDirectAuthority({ tx, viewer }: MutationScope, userId: string, domainId: string | undefined): Promise<boolean> {
  return administers(viewer, domainId) && (await findMatchingIds(tx, directAuthority, viewer, 'User', [userId])).has(userId);
}

/** True if the viewer administers the platform or the domain. */
const administers = ({ rank, administeredDomainIds }: Viewer, domainId: string | undefined) =>
  rank >= ranks.ADMIN || (domainId !== undefined && administeredDomainIds.includes(domainId));

/**
 * True if a role permits a subset of another one. A role without permissions is no subset: other systems may give it a meaning. USER is one of
 * every role: it only means having an account.
 */
const isSubset = ({ name, permissions }: NamedRole, other: Pick<Role, 'permissions'>) =>
  name === 'USER' || (permissions.length > 0 && permissions.every((permission) => other.permissions.includes(permission)));

/**
 * The viewer's delegable grants that apply in the domain and whose role is the same or permits more. Throws if there are none. An unknown role
 * fails in the same way, because role names are not public.
 *
 * Atomic with the write: the viewer, their grants, the domain and those above it are locked. A concurrent mutation that revokes or narrows a grant
 * of the viewer, or moves the domain, waits, and then finds the delegated grant.
 */
async function requireDelegableGrants(
  mutation: MutationScope,
  userId: string,
  role: NamedRole | undefined,
  domainId: string | undefined,
): Promise<ViewerGrant[]> {
  const { tx, viewer, require } = mutation;
  if (userId === viewer.user.id) throw graphqlError('SELF_ACTION_FORBIDDEN');
  const path = domainId ? await ancestors(tx, domainId) : [];
  const isApplicable = (grant: ViewerGrant) => grant.domainId === null || path.includes(grant.domainId);
  const applicable = activeGrants(viewer).filter((grant) => grant.delegable > 0 && isApplicable(grant));
  if (applicable.length === 0) require(admin);
  const sufficient = role ? applicable.filter((grant) => grant.roleId === role.id || isSubset(role, grant.role)) : [];
  if (sufficient.length === 0) require(directAuthority);
  return sufficient;
}
