import type { Prisma } from '../generated/prisma/client.ts';

/** The conditions of every model whose rows are asked about. */
export interface Where {
  User: Prisma.UserWhereInput;
  Role: Prisma.RoleWhereInput;
  RoleGrant: Prisma.RoleGrantWhereInput;
  Domain: Prisma.DomainWhereInput;
  Token: Prisma.TokenWhereInput;
  TokenRevocation: Prisma.TokenRevocationWhereInput;
  UserSetting: Prisma.UserSettingWhereInput;
}

export type Model = keyof Where;

/** What a rule can be asked about: at least an id, and whatever columns the caller happens to hold. */
export type Row = { readonly id: string } & Readonly<Record<string, unknown>>;

interface Ownership<M extends Model> {
  /** How a condition on a user becomes one on this model's owner. */
  readonly owner?: (user: Prisma.UserWhereInput) => Where[M];
  /** The column that holds the owner's id. */
  readonly ownerId?: string;
  /** How a set of domain ids, with what makes a grant count now, becomes a condition on this model; `everywhere` for rows that belong to no domain in particular. */
  readonly domain?: ((ids: string[], live: Prisma.RoleGrantWhereInput) => Where[M]) | 'everywhere';
  /** The column that holds the domain's id. */
  readonly domainId?: string;
}

/** How each model reaches its owner and its domain. Lists, single rows and writes all follow this one table. */
export const ownedBy: { readonly [M in Model]: Ownership<M> } = {
  User: { owner: (user) => user, ownerId: 'id', domain: (ids, live) => ({ grants: { some: { domainId: { in: ids }, ...live } } }) },
  Role: { domain: 'everywhere' },
  RoleGrant: { owner: (user) => ({ user }), ownerId: 'userId', domain: inDomain, domainId: 'domainId' },
  Domain: { domain: (ids) => ({ id: { in: ids } }), domainId: 'id' },
  Token: { owner: (user) => ({ user }), ownerId: 'userId', domain: (ids) => ({ kind: 'SESSION', ...inDomain(ids) }), domainId: 'domainId' },
  TokenRevocation: { owner: (user) => ({ user }), ownerId: 'userId', domain: inDomain, domainId: 'domainId' },
  UserSetting: { owner: (user) => ({ user }), ownerId: 'userId' },
};

function inDomain(ids: string[]) {
  return { domainId: { in: ids } };
}
