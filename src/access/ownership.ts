import type { Prisma } from '../generated/prisma/client.ts';
import { any, type Rule } from './rule.ts';
import { outranks, self, superadmin } from './vocabulary.ts';

/** The models whose rows rules ask about: all but those that are never shown. */
export type Model = Exclude<
  Prisma.ModelName,
  'AuditEvent' | 'EventReceiver' | 'Link' | 'Mail' | 'Password' | 'RevocationCommit' | 'SigningKey' | 'Throttle' | 'TokenSecret'
>;

/** The conditions of each. */
export type Where = { [M in Model]: NonNullable<Prisma.TypeMap['model'][M]['operations']['findMany']['args']['where']> };

/** What a rule can be asked about: at least an id, and whatever columns the caller happens to hold. */
export type Row = { readonly id: string } & Readonly<Record<string, unknown>>;

/** The relations of a model that have their column beside them: `user` with `userId`. */
type Relation<M extends Model> = { [K in keyof Where[M] & string]: `${K}Id` extends keyof Where[M] ? K : never }[keyof Where[M] & string];

interface Ownership<M extends Model> {
  /** The model whose row a row belongs to: its owner, or something that has one in turn. */
  readonly of?: Model;
  /** The relation that leads there. */
  readonly by?: Relation<M>;
  /** Who may write a row, and with it whatever belongs to it; unless said, whoever may write what it belongs to. */
  readonly writable?: Rule;
  /** How a set of domain ids, with what makes a grant count now, becomes a condition on this model; `everywhere` for rows that belong to no domain in particular. */
  readonly domain?: ((ids: string[], live: Prisma.RoleGrantWhereInput) => Where[M]) | 'everywhere';
  /** The column that holds the domain's id. */
  readonly domainId?: string;
}

/** How each model reaches its owner and its domain. Lists, single rows and writes all follow this one table. */
export const ownedBy: { readonly [M in Model]: Ownership<M> } = {
  User: { writable: any(self, outranks, superadmin), domain: (ids, live) => ({ grants: { some: { domainId: { in: ids }, ...live } } }) },
  Role: { domain: 'everywhere' },
  RoleGrant: { of: 'User', by: 'user', domain: inDomain, domainId: 'domainId' },
  Domain: { domain: (ids) => ({ id: { in: ids } }), domainId: 'id' },
  Token: { of: 'User', by: 'user', domain: (ids) => ({ kind: 'SESSION', ...inDomain(ids) }), domainId: 'domainId' },
  TokenRevocation: { of: 'User', by: 'user', domain: inDomain, domainId: 'domainId' },
  UserSetting: { of: 'User', by: 'user' },
  FieldRead: { of: 'User', by: 'user' },
};

function inDomain(ids: string[]) {
  return { domainId: { in: ids } };
}

/** What a row of a model belongs to, by the table: the model, the relation and its column; undefined for what belongs to nothing. */
export function above(model: Model): { readonly model: Model; readonly by: string; readonly column: string } | undefined {
  const { of, by } = ownedBy[model] as { of?: Model; by?: string };
  return of && by ? { model: of, by, column: `${by}Id` } : undefined;
}

/** A condition on the user whose a row is, as one on the row; undefined for what belongs to nobody. */
export function whereOwner<M extends Model>(model: M, user: Prisma.UserWhereInput): Where[M] | undefined {
  if (model === 'User') return user as Where[M];
  const up = above(model);
  const inner = up && whereOwner(up.model, user);
  return inner && ({ [up.by]: inner } as Where[M]);
}

/** The id of the user whose a row is, where the row at hand says it. */
export function ownerIdOf(model: Model, row: Row | undefined): string | undefined {
  if (model === 'User') return row?.id;
  const up = above(model);
  return up?.model === 'User' ? (row?.[up.column] as string | undefined) : undefined;
}
