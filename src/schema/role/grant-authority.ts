import { all, any } from '../../authorization/rules/rule.ts';
import { sql, type Tx } from '../../database/database.ts';
import type { Role } from '../../database/generated/prisma/client.ts';
import { graphqlError, validationError } from '../../errors.ts';
import type { MutationScope } from '../../graphql/mutation.ts';
import { ancestors, isInactive, lockTreeForShare } from '../../identity/domains/domain-tree.ts';
import { lockDomain } from '../../identity/domains/lock-domain.ts';
import { ranks, type Viewer, type ViewerGrant } from '../../identity/viewer.ts';
import { admin, delegates, domainAdmin, may, outranks, session, superadmin } from '../../policy/conditions.ts';
import { activeGrants } from '../../policy/grants-scope.ts';
import { findMatchingIds } from '../../policy/policy.ts';

/** Who grants to a user by own authority. */
const authority = any(domainAdmin, outranks, superadmin);

/** Who may grant and revoke roles that carry no rank; those that do are the superadmins' alone. Who passes on an own grant reaches whom a role lets them read. */
export const grantRule = all(session, any(authority, all(delegates, may('users:read'))));

interface Wanted {
  readonly userId: string;
  readonly role: string;
  readonly domain?: string | null | undefined;
}

type NamedRole = Pick<Role, 'id' | 'name' | 'permissions'>;

/** The role and the domain of a grant, and by what right the viewer grants or revokes it. */
interface Granting {
  readonly role: NamedRole;
  readonly domain: { readonly id: string; readonly name: string } | null;
  /** The viewer's grants that this one may be passed on from; null where the viewer grants by own authority. */
  readonly through: readonly ViewerGrant[] | null;
}

/** The role and the domain by name, as far as the viewer may grant or revoke that role in that domain. Both stay until the transaction ends. */
export async function resolveGrant(writing: MutationScope, { userId, ...wanted }: Wanted): Promise<Granting> {
  const { role, domain } = await named(writing, wanted);
  const isInCharge = await inCharge(writing, userId, domain?.id);
  const through = isInCharge ? null : await passable(writing, userId, role, domain?.id);
  return { ...settled(role, domain), through };
}

/** The same for somebody who has no account yet: by own authority alone. In a domain that is shut nobody begins. */
export async function resolveGrantForNewUser(writing: MutationScope, wanted: Omit<Wanted, 'userId'>): Promise<Omit<Granting, 'through'>> {
  const { tx, viewer, require } = writing;
  const { role, domain } = await named(writing, wanted);
  if (!reaches(viewer, domain?.id)) require(domain ? any(domainAdmin, admin) : admin);
  if (domain && (await isInactive(tx, domain.id))) throw validationError({ domain: ['not active'] });
  return settled(role, domain);
}

/** Whether somebody grants that role, there, to that user, by own authority: asked once the user holds it, and so is a member of the domain. */
export async function canGrantAny(tx: Tx, granter: Viewer, { userId, role, domainId }: Held): Promise<boolean> {
  const { enabled, deletedAt } = granter.user;
  if (!enabled || deletedAt || !reaches(granter, domainId ?? undefined)) return false;
  if (isAdministrativeRole(role) && granter.rank < ranks.SUPERADMIN) return false;
  return !(domainId && (await isInactive(tx, domainId))) && (await findMatchingIds(tx, authority, granter, 'User', [userId])).has(userId);
}

interface Held {
  readonly userId: string;
  readonly role: Pick<Role, 'name'>;
  readonly domainId: string | null;
}

/** The role and the domain of these names, as far as the viewer may name them. */
async function named({ tx, viewer, require }: MutationScope, wanted: Omit<Wanted, 'userId'>) {
  const role = await heldRole(tx, wanted.role);
  const domain = wanted.domain == null ? null : ((await lockDomain(tx, wanted.domain)) ?? null);
  if (wanted.domain != null && !(domain?.active || (domain && viewer.rank >= ranks.ADMIN)))
    throw validationError({ domain: ['no such domain'] });
  if (role && isAdministrativeRole(role)) require(superadmin);
  return { role, domain };
}

/** Said last: role names are not for everybody. */
function settled(role: NamedRole | undefined, domain: Granting['domain']) {
  if (!role) throw validationError({ role: ['no such role'] });
  if (role.name === 'SUPERADMIN' && domain) throw validationError({ domain: ['a superadmin is one everywhere'] });
  return { role, domain };
}

/** Whether the role carries a rank, so that superadmins alone grant it, and nobody passes it on. */
export const isAdministrativeRole = ({ name }: Pick<Role, 'name'>) => name === 'ADMIN' || name === 'SUPERADMIN';

async function heldRole(tx: Tx, name: string): Promise<NamedRole | undefined> {
  const [role] = await tx.$queryRaw<NamedRole[]>(sql`select id::text, name, permissions from "Role" where name = ${name} for key share`);
  return role;
}

/** Whether the viewer grants to that user, in that domain, by own authority. The mutation's rule alone does not tell: delegation meets it as well. */
async function inCharge({ tx, viewer }: MutationScope, userId: string, domainId: string | undefined): Promise<boolean> {
  return reaches(viewer, domainId) && (await findMatchingIds(tx, authority, viewer, 'User', [userId])).has(userId);
}

/** Whether the viewer administers the platform or, where there is one, the domain. */
const reaches = ({ rank, administeredDomainIds }: Viewer, domainId: string | undefined) =>
  rank >= ranks.ADMIN || (domainId !== undefined && administeredDomainIds.includes(domainId));

/** Whether a role permits a part of what the other does. One that permits nothing here may mean anything elsewhere; USER means having an account. */
const isLess = ({ name, permissions }: NamedRole, other: Pick<Role, 'permissions'>) =>
  name === 'USER' || (permissions.length > 0 && permissions.every((permission) => other.permissions.includes(permission)));

/**
 * The viewer's grants from which a grant of the role in the domain may be passed on: held everywhere, there or above, with a role that permits
 * no less. Throws if there is none; the same for a role that is not known, since role names are not for everybody.
 *
 * The check and the write are one: `write` has locked the viewer, so that no grant of theirs is added, and their grants, so that none changes,
 * and no domain moves. Whoever revokes or narrows a grant of the viewer waits, and then finds what was passed on from it.
 */
async function passable(
  writing: MutationScope,
  userId: string,
  role: NamedRole | undefined,
  domainId: string | undefined,
): Promise<ViewerGrant[]> {
  const { tx, viewer, require } = writing;
  if (userId === viewer.user.id) throw graphqlError('SELF_ACTION_FORBIDDEN');
  if (domainId) await lockTreeForShare(tx);
  const line = domainId ? (await ancestors(tx, domainId)).map(({ id }) => id) : [];
  const reaching = activeGrants(viewer).filter((own) => own.delegable > 0 && (own.domainId === null || line.includes(own.domainId)));
  if (reaching.length === 0) require(admin);
  const through = role ? reaching.filter((own) => own.roleId === role.id || isLess(role, own.role)) : [];
  if (through.length === 0) require(authority);
  return through;
}
