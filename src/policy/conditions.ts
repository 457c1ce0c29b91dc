import { ownerIdOf, whereOwnedBy, whereOwnerMatches } from '../authorization/rules/ownership.ts';
import type { ConditionDefinition, ViewerCondition } from '../authorization/rules/policy.ts';
import { isPlatformAdmin, ranks } from '../identity/viewer.ts';
import {
  activeGrants,
  domainsWithPermission,
  isInDomains,
  participantIds,
  type UserOwnership,
  whereInDomains,
  whereParticipant,
  whereRankAtLeast,
} from './grants-scope.ts';
import type { Model, PolicyTypes } from './models.ts';
import type { Permission } from './permissions.ts';

// Every condition that rules are made of: its name, its sentence, and how it is decided. One entry each, in one of the two tables.

/** The conditions that the caller alone decides. */
const viewerConditions = {
  anyone: { label: 'is anyone', dependsOn: 'viewer', isOpen: true, inMemory: () => true },
  signedIn: { label: 'is authenticated', dependsOn: 'viewer', aboutCredential: true, inMemory: (viewer) => viewer !== null },
  session: {
    label: 'uses a session, not an API token',
    dependsOn: 'viewer',
    aboutCredential: true,
    inMemory: (viewer) => viewer?.scopes === null,
  },
  apiToken: { label: 'uses an API token', dependsOn: 'viewer', inMemory: (viewer) => !!viewer?.scopes },
  scope: {
    label: 'uses a session, or an API token with this scope',
    dependsOn: 'viewer',
    aboutCredential: true,
    inMemory: (viewer, permission) => viewer !== null && (viewer.scopes === null || viewer.scopes.has(permission)),
  },
  fresh: {
    label: 'authenticated recently',
    dependsOn: 'viewer',
    aboutCredential: true,
    inMemory: (viewer) => viewer?.recentlyAuthenticated === true,
  },
  confirmed: {
    label: 'has a confirmed email address',
    dependsOn: 'viewer',
    aboutCredential: true,
    inMemory: (viewer) => viewer !== null && viewer.user.emailConfirmedAt !== null,
  },
  admin: { label: 'is a platform administrator', dependsOn: 'viewer', inMemory: (viewer) => isPlatformAdmin(viewer) },
  superadmin: { label: 'is a superadmin', dependsOn: 'viewer', inMemory: (viewer) => viewer?.rank === ranks.SUPERADMIN },
  administers: {
    label: 'administers the platform or a domain',
    dependsOn: 'viewer',
    inMemory: (viewer) => !!viewer && (isPlatformAdmin(viewer) || viewer.administeredDomainIds.length > 0),
  },
  delegates: {
    label: 'holds a grant that can be delegated',
    dependsOn: 'viewer',
    inMemory: (viewer) => !!viewer && activeGrants(viewer).some(({ delegable }) => delegable > 0),
  },
} satisfies Record<string, ViewerCondition<PolicyTypes>>;

/**
 * The conditions about a row, each decided in memory and as a database filter; `test/authorization/conditions.test.ts` proves that the two
 * agree. A function of the ownership table, because that table's own rules use conditions.
 */
const rowConditions = (ownership: UserOwnership) =>
  ({
    may: {
      label: 'holds a role with this permission, everywhere or in the domain',
      dependsOn: 'viewerAndRow',
      isRowOptional: true,
      inMemory: (viewer, subject, permission) => {
        const domains = domainsWithPermission(viewer, permission);
        return domains === 'everywhere' || (!belongsToNoDomain(ownership, subject?.model) && isInDomains(ownership, domains, subject));
      },
      toWhere: (viewer, model, permission) => {
        const domains = domainsWithPermission(viewer, permission);
        return domains === 'everywhere' || (!belongsToNoDomain(ownership, model) && whereInDomains(ownership, viewer, domains, model));
      },
    },
    self: {
      label: 'is the owner',
      dependsOn: 'viewerAndRow',
      inMemory: (viewer, subject) => {
        const ownerId = subject && ownerIdOf(ownership, subject.model, subject.row);
        return ownerId === undefined ? undefined : ownerId === viewer.user.id;
      },
      toWhere: (viewer, model) => whereOwnedBy(ownership, model, viewer.user.id) ?? false,
    },
    owner: { label: 'can write what the row belongs to', dependsOn: 'writableRule' },
    domainAdmin: {
      label: 'administers the domain, and the owner has no rank there',
      dependsOn: 'viewerAndRow',
      inMemory: (viewer, subject) => isInDomains(ownership, viewer.administeredDomainIds, subject),
      toWhere: (viewer, model) => whereInDomains(ownership, viewer, viewer.administeredDomainIds, model),
    },
    outranks: {
      label: 'is an administrator with a higher rank than the owner',
      dependsOn: 'viewerAndRow',
      inMemory: (viewer, subject) => {
        const isOwn = subject && ownerIdOf(ownership, subject.model, subject.row) === viewer.user.id;
        return isOwn || !isPlatformAdmin(viewer) ? false : undefined;
      },
      toWhere: (viewer, model) =>
        isPlatformAdmin(viewer) &&
        (whereOwnerMatches(ownership, model, { grants: { none: whereRankAtLeast(viewer, viewer.rank) } }) ?? false),
    },
    active: {
      label: 'looks at something active',
      dependsOn: 'row',
      inMemory: (subject) => (subject?.row?.active === undefined ? undefined : subject.row.active === true),
      toWhere: () => ({ active: true }),
    },
    withoutSuperadmin: {
      label: 'looks at something in which no superadmin took part',
      dependsOn: 'viewerAndRow',
      inMemory: (_viewer, subject) =>
        subject?.row && participantIds(ownership, subject.model, subject.row).length === 0 ? true : undefined,
      toWhere: (viewer, model) => ({
        NOT: { OR: whereParticipant(ownership, model, { grants: { some: whereRankAtLeast(viewer, ranks.SUPERADMIN) } }) },
      }),
    },
    holds: {
      label: 'holds the role',
      dependsOn: 'viewerAndRow',
      inMemory: (viewer, subject) => subject?.row && activeGrants(viewer).some(({ roleId }) => roleId === subject.row?.id),
      toWhere: (viewer) => ({ id: { in: activeGrants(viewer).map(({ roleId }) => roleId) } }),
    },
  }) satisfies Record<string, ConditionDefinition<PolicyTypes>>;

export const defineConditions = (ownership: UserOwnership) => ({ ...viewerConditions, ...rowConditions(ownership) });

type ConditionName = keyof ReturnType<typeof defineConditions>;

/** A condition in a rule. A name that the table does not have does not compile. */
export type Condition =
  | { readonly is: 'anyone'; readonly of: string }
  | { readonly is: 'may' | 'scope'; readonly of: Permission }
  | { readonly is: Exclude<ConditionName, 'anyone' | 'may' | 'scope'> };

/** Every caller, authenticated or not. `because` is the reason why that is right. */
export const anyone = (because: string): Condition => ({ is: 'anyone', of: because });
/** The caller is authenticated. */
export const signedIn: Condition = { is: 'signedIn' };
/** The caller is the user that the row is, or belongs to: simple ownership. */
export const self: Condition = { is: 'self' };
/** The caller can write what the row belongs to, by `writable` in `ownership.ts`; for a user, the user itself: delegated ownership. */
export const owner: Condition = { is: 'owner' };
/** The caller administers the row's domain, and its owner has no rank there or everywhere: ownership by a domain. */
export const domainAdmin: Condition = { is: 'domainAdmin' };
/** The caller is a platform administrator: ADMIN or SUPERADMIN everywhere. */
export const admin: Condition = { is: 'admin' };
/** The caller is a superadmin. */
export const superadmin: Condition = { is: 'superadmin' };
/** The caller administers the platform or a domain. */
export const administers: Condition = { is: 'administers' };
/** The caller is an administrator with a higher rank than the row's owner. */
export const outranks: Condition = { is: 'outranks' };
/** The caller uses a session, not an API token. */
export const session: Condition = { is: 'session' };
/** The caller uses an API token, as programs do. */
export const apiToken: Condition = { is: 'apiToken' };
/** The caller authenticated recently. */
export const fresh: Condition = { is: 'fresh' };
/** The caller's email address is confirmed. */
export const confirmed: Condition = { is: 'confirmed' };
/** The row is active. */
export const active: Condition = { is: 'active' };
/** No superadmin took part in what the row records, as the actor or as the user that it is about. */
export const withoutSuperadmin: Condition = { is: 'withoutSuperadmin' };
/** The caller holds the role. */
export const holds: Condition = { is: 'holds' };
/** A role gives the caller the permission, everywhere or in the row's domain. Without a row: everywhere. */
export const may = (permission: Permission): Condition => ({ is: 'may', of: permission });
/** The caller uses a session, or an API token with this scope. */
export const scope = (permission: Permission): Condition => ({ is: 'scope', of: permission });
/** The caller holds a grant that can be delegated. */
export const delegates: Condition = { is: 'delegates' };

/** Roles and the like are outside of all domains: a permission that is held in one domain does not reach them. */
const belongsToNoDomain = ({ models }: UserOwnership, model: Model | undefined) =>
  model !== undefined && models[model].domain === 'everywhere';
