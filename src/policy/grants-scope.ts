import type { Prisma } from '../database/generated/prisma/client.ts';
import { whereActive } from '../identity/grants/active-grants.ts';
import { ranks, type Viewer } from '../identity/viewer.ts';
import { type Model, ownership, type Row, whereOwnerMatches } from './ownership.ts';

/** A model, and of a row of it what the asker holds: nothing, its id, or more columns. */
export interface RowSubject {
  readonly model: Model;
  readonly row?: Row | undefined;
}

export type Condition = Record<string, unknown> | boolean;

/** Ids of the open domains in which a role permits the viewer this; `everywhere` where one that is held everywhere does. */
export function domainsWithPermission(viewer: Viewer, permission: string): string[] | 'everywhere' {
  if (viewer.permissions.has(permission)) return 'everywhere';
  return activeGrants(viewer).flatMap(({ domainId, role }) => (domainId && role.permissions.includes(permission) ? [domainId] : []));
}

/** The viewer's grants that count: one in a domain that is shut, itself or above, grants nothing. */
export const activeGrants = (viewer: Viewer) => viewer.grants.filter(({ active }) => active);

/** Grants that count now, by database time, and carry at least this rank everywhere. */
export function whereRankAtLeast(viewer: Viewer, rank: number): Prisma.RoleGrantWhereInput {
  const names = Object.entries(ranks).flatMap(([name, of]) => (of >= rank && of > 0 ? [name] : []));
  return { domainId: null, role: { name: { in: names } }, ...whereActive(viewer.now) };
}

/** Whether the row is one of these domains', as far as it is known without the database. */
export function isInDomains(domainIds: readonly string[], subject: RowSubject | undefined): boolean | undefined {
  if (domainIds.length === 0) return false;
  if (!subject) return undefined;
  const { of, domain, domainId } = ownership[subject.model];
  if (!domain) return false;
  if (domain === 'everywhere') return true;
  const id = domainId ? subject.row?.[domainId] : undefined;
  if (id === undefined) return undefined;
  if (!domainIds.includes(String(id))) return false;
  return of ? undefined : true;
}

/** Rows of these domains, unless their owner has a rank everywhere, or is ADMIN in or above one of these domains. */
export function whereInDomains(viewer: Viewer, domainIds: string[], model: Model): Condition {
  const { domain } = ownership[model];
  if (domainIds.length === 0 || !domain) return false;
  if (domain === 'everywhere') return true;
  const within = domain(domainIds, whereActive(viewer.now));
  const above = domainIds.flatMap((id) => viewer.ancestorIds[id] ?? []);
  const administrator = { domainId: { in: [...domainIds, ...above] }, role: { name: 'ADMIN' }, ...whereActive(viewer.now) };
  const ranked = whereOwnerMatches(model, { grants: { some: { OR: [whereRankAtLeast(viewer, ranks.ADMIN), administrator] } } });
  return ranked ? { AND: [within, { NOT: ranked }] } : within; // what belongs to nobody has no owner of a rank
}
