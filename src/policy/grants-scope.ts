import { type Ownership, whereOwnerMatches } from '../authorization/rules/ownership.ts';
import type { Row, RowFilter, RowSubject } from '../authorization/rules/policy.ts';
import type { Decision } from '../authorization/rules/rule.ts';
import type { Prisma } from '../database/generated/prisma/client.ts';
import { whereActive } from '../identity/grants/active-grants.ts';
import { ranks, type Viewer } from '../identity/viewer.ts';
import type { Model, OwnershipTable } from './models.ts';

// Which rows the grants of a viewer reach.

/** The ownership table as the engine takes it. */
export interface UserOwnership extends Ownership {
  readonly models: OwnershipTable;
}

/** The viewer's grants that have an effect: a grant in a domain that is inactive, or below an inactive one, has none. */
export const activeGrants = (viewer: Viewer) => viewer.grants.filter(({ active }) => active);

/**
 * The ids of the active domains in which a role gives the viewer the permission; `everywhere` if a role without a domain does, unless the viewer's
 * token is limited to a domain.
 */
export function domainsWithPermission(viewer: Viewer, permission: string): readonly string[] | 'everywhere' {
  if (viewer.permissions.has(permission)) return viewer.reach?.activeIds ?? 'everywhere';
  return activeGrants(viewer).flatMap(({ domainId, role }) => (domainId && role.permissions.includes(permission) ? [domainId] : []));
}

/** The active grants, by the database's time, that give at least this rank everywhere. */
export function whereRankAtLeast(viewer: Viewer, rank: number): Prisma.RoleGrantWhereInput {
  const names = Object.entries(ranks).flatMap(([name, value]) => (value >= rank && value > 0 ? [name] : []));
  return { domainId: null, role: { name: { in: names } }, ...whereActive(viewer.now) };
}

/** Decides whether the row is in one of the domains and its owner has no rank; undefined if that takes the database. */
export function isInDomains({ models }: UserOwnership, domainIds: readonly string[], subject: RowSubject<Model> | undefined): Decision {
  if (domainIds.length === 0) return false;
  if (!subject) return undefined;
  const { of, domain, domainId } = models[subject.model];
  if (!domain) return false;
  if (domain === 'everywhere') return true;
  const id = domainId ? subject.row?.[domainId] : undefined;
  if (id === undefined) return undefined;
  if (!domainIds.includes(String(id))) return false;
  return of ? undefined : true; // the owner's rank is in the database
}

/** The rows of the domains, except those of owners who have a rank everywhere or are ADMIN in or above one of these domains. */
export function whereInDomains(ownership: UserOwnership, viewer: Viewer, ids: readonly string[], model: Model): RowFilter {
  const domainIds = [...ids];
  const { domain } = ownership.models[model];
  if (domainIds.length === 0 || !domain) return false;
  if (domain === 'everywhere') return true;
  const within = domain(domainIds, whereActive(viewer.now)) as Record<string, unknown>;
  const above = domainIds.flatMap((id) => viewer.ancestorIds[id] ?? []);
  const administrator = { domainId: { in: [...domainIds, ...above] }, role: { name: 'ADMIN' }, ...whereActive(viewer.now) };
  const ranked = whereOwnerMatches(ownership, model, { grants: { some: { OR: [whereRankAtLeast(viewer, ranks.ADMIN), administrator] } } });
  return ranked ? { AND: [within, { NOT: ranked }] } : within;
}

/**
 * Decides whether the viewer's credential reaches a row. An API token of a domain reaches the rows of that domain and of those below; users, their
 * settings and what else belongs to no single domain it does not reach.
 */
export function isReached({ models }: UserOwnership, { reach }: Viewer, subject: RowSubject<Model> | undefined): Decision {
  if (!reach) return true;
  if (!subject) return undefined;
  const { domain, domainId } = models[subject.model];
  if (domain === 'everywhere' || !domainId) return domain === 'everywhere';
  const id = subject.row?.[domainId];
  return id === undefined ? undefined : reach.ids.includes(String(id));
}

/** The same as a filter. */
export function whereReached({ models }: UserOwnership, { reach }: Viewer, model: Model): RowFilter {
  const { domain, domainId } = models[model];
  if (!reach || domain === 'everywhere') return true;
  return domainId !== undefined && { [domainId]: { in: [...reach.ids] } };
}

/** The ids of the users who took part in what a row records, if the row names them; undefined for one whose column was not read. */
export const participantIds = ({ models }: UserOwnership, model: Model, row: Row) =>
  participantsOf(models, model).flatMap((relation) => (row[`${relation}Id`] === null ? [] : [row[`${relation}Id`]]));

/** For each relation to a participant, the filter for rows whose participant matches. */
export const whereParticipant = ({ models }: UserOwnership, model: Model, user: Prisma.UserWhereInput) =>
  participantsOf(models, model).map((relation) => ({ [relation]: user }));

function participantsOf(models: OwnershipTable, model: Model): string[] {
  const { by, actor } = models[model] as { by?: string; actor?: string };
  return [by, actor].filter((relation) => relation !== undefined);
}
