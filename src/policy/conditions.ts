import { whereBoth } from '../authorization/evaluate/conditions.ts';
import { ownerIdOf, whereOwnedBy, whereOwnerMatches } from '../authorization/rules/ownership.ts';
import type { ConditionDefinition, RowSubject, ViewerCondition } from '../authorization/rules/policy.ts';
import { both } from '../authorization/rules/rule.ts';
import { whereActive } from '../identity/grants/active-grants.ts';
import { isPlatformAdmin, ranks, type Viewer } from '../identity/viewer.ts';
import {
  activeGrants,
  domainsWithPermission,
  isInDomains,
  isReached,
  participantIds,
  type UserOwnership,
  whereInDomains,
  whereParticipant,
  whereRankAtLeast,
  whereReached,
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
    domainAdmin: {
      label: 'administers the domain, and the owner has no rank there',
      dependsOn: 'viewerAndRow',
      inMemory: (viewer, subject) => isInDomains(ownership, viewer.administeredDomainIds, subject),
      toWhere: (viewer, model) => whereInDomains(ownership, viewer, viewer.administeredDomainIds, model),
    },
    exclusive: {
      label: 'administers every domain in which the user holds a role',
      dependsOn: 'viewerAndRow',
      inMemory: (viewer) => (viewer.administeredDomainIds.length === 0 ? false : undefined),
      toWhere: (viewer, model) => {
        const elsewhere = { domainId: { not: null, notIn: viewer.administeredDomainIds }, ...whereActive(viewer.now) };
        return viewer.administeredDomainIds.length > 0 && (whereOwnerMatches(ownership, model, { grants: { none: elsewhere } }) ?? false);
      },
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
      inMemory: (subject) => (subject?.row?.open === undefined ? undefined : subject.row.open === true),
      toWhere: () => ({ open: true }),
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

/** The conditions about who owns a row and which rows a credential reaches. */
const ownershipConditions = (ownership: UserOwnership) => {
  const reach = {
    inMemory: (viewer: Viewer, subject: RowSubject<Model> | undefined) => isReached(ownership, viewer, subject),
    toWhere: (viewer: Viewer, model: Model) => whereReached(ownership, viewer, model),
  };
  return {
    self: {
      label: 'is the owner',
      dependsOn: 'viewerAndRow',
      inMemory: (viewer, subject) => {
        const ownerId = subject && ownerIdOf(ownership, subject.model, subject.row);
        const isOwn = ownerId === undefined ? undefined : ownerId === viewer.user.id;
        return subject?.model === ownership.ownerModel ? isOwn : both(isOwn, isReached(ownership, viewer, subject));
      },
      toWhere: (viewer, model) => {
        const own = whereOwnedBy(ownership, model, viewer.user.id) ?? false;
        return model === ownership.ownerModel ? own : whereBoth(own, whereReached(ownership, viewer, model));
      },
    },
    reached: {
      label: 'uses a credential that is not limited to a domain, or limited to that of the row',
      dependsOn: 'viewerAndRow',
      ...reach,
    },
    owner: {
      label: 'can write what the row belongs to',
      dependsOn: 'writableRule',
      limit: reach,
    },
  } satisfies Record<string, ConditionDefinition<PolicyTypes>>;
};

export const defineConditions = (ownership: UserOwnership) => ({
  ...viewerConditions,
  ...ownershipConditions(ownership),
  ...rowConditions(ownership),
});

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
/**
 * The caller is the user that the row is, or belongs to: simple ownership. An API token of a domain shows who its owner is, but reaches rows of its
 * owner only in that domain; add `reached` where it must not reach the user either, as in every write.
 */
export const self: Condition = { is: 'self' };
/** The caller uses a session, an API token of no domain, or one of the row's domain or of one above it. */
export const reached: Condition = { is: 'reached' };
/** The caller can write what the row belongs to, by `writable` in `ownership.ts`; for a user, the user itself: delegated ownership. */
export const owner: Condition = { is: 'owner' };
/** The caller administers the row's domain, and its owner has no rank there or everywhere: ownership by a domain. */
export const domainAdmin: Condition = { is: 'domainAdmin' };
/** The caller administers every domain in which the user holds a role: no other domain shares the user. Grants held everywhere do not count. */
export const exclusive: Condition = { is: 'exclusive' };
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
/** The row is active: neither the domain nor one above it is disabled. */
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
