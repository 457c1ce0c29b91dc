import type { OwnershipEntry } from '../authorization/rules/ownership.ts';
import type { Prisma } from '../database/generated/prisma/client.ts';
import type { Viewer } from '../identity/viewer.ts';

/** The models whose rows rules are about: all except those that are never shown. */
export type Model = Exclude<
  Prisma.ModelName,
  | 'AuditAnchor'
  | 'AuditChain'
  | 'AuditQueue'
  | 'EventReceiver'
  | 'EmailLink'
  | 'IdempotencyKey'
  | 'Job'
  | 'KeyInUse'
  | 'MailOutage'
  | 'OutboxEmail'
  | 'Password'
  | 'RateLimit'
  | 'ReservedEmail'
  | 'RevocationCommit'
  | 'SigningKey'
  | 'TokenSecret'
>;

/** The database filter of each model. */
export type Where = { [M in Model]: NonNullable<Prisma.TypeMap['model'][M]['operations']['findMany']['args']['where']> };

/** A row of each model, with all columns. */
type Rows = { [M in Model]: Prisma.TypeMap['model'][M]['payload']['scalars'] };

/** The types in which the policy is written. */
export interface PolicyTypes {
  readonly Viewer: Viewer;
  readonly Where: Where;
  readonly Rows: Rows;
}

/** The relations of a model that have their column beside them: `user` with `userId`. */
type Relation<M extends Model> = { [K in keyof Where[M] & string]: `${K}Id` extends keyof Where[M] ? K : never }[keyof Where[M] & string];

/** How a model's rows lead to their owner and their domain. */
interface ModelOwnership<M extends Model> extends OwnershipEntry {
  /** The model of the parent row: the owner, or something that has one. */
  readonly of?: Model;
  /** The relation to the parent row. */
  readonly by?: Relation<M>;
  /** The relation to the user who acted, if rows record actions. */
  readonly actor?: Relation<M>;
  /**
   * The filter for the rows of some domains, given the filter for active grants; `everywhere` for models whose rows belong to no particular
   * domain.
   */
  readonly domain?: ((domainIds: string[], active: Prisma.RoleGrantWhereInput) => Where[M]) | 'everywhere';
  /** The column that contains the domain's id. */
  readonly domainId?: string;
}

export type OwnershipTable = { readonly [M in Model]: ModelOwnership<M> };
