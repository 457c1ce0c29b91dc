import { any, type Rule } from '../authorization/rules/rule.ts';
import type { Prisma } from '../database/generated/prisma/client.ts';
import { outranks, self, superadmin } from './conditions.ts';

/** The models whose rows rules ask about: all but those that are never shown. */
export type Model = Exclude<
  Prisma.ModelName,
  'EventReceiver' | 'FormerEmail' | 'Job' | 'Link' | 'Mail' | 'Password' | 'RevocationCommit' | 'SigningKey' | 'Throttle' | 'TokenSecret'
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
  /** The relation to the user who acted, where a row records what was done. */
  readonly actor?: Relation<M>;
  /** Who may write a row, and with it whatever belongs to it; unless said, whoever may write what it belongs to. */
  readonly writable?: Rule;
  /** How a set of domain ids, with what makes a grant count now, becomes a condition on this model; `everywhere` for rows that belong to no domain in particular. */
  readonly domain?: ((ids: string[], live: Prisma.RoleGrantWhereInput) => Where[M]) | 'everywhere';
  /** The column that holds the domain's id. */
  readonly domainId?: string;
}

/** How each model reaches its owner and its domain. Lists, single rows and writes all follow this one table. */
export const ownership: { readonly [M in Model]: Ownership<M> } = {
  User: { writable: any(self, outranks, superadmin), domain: (ids, live) => ({ grants: { some: { domainId: { in: ids }, ...live } } }) },
  Role: { domain: 'everywhere' },
  RoleGrant: { of: 'User', by: 'user', domain: inDomain, domainId: 'domainId' },
  Domain: { domain: (ids) => ({ id: { in: ids } }), domainId: 'id' },
  Token: { of: 'User', by: 'user', domain: (ids) => ({ kind: 'SESSION', ...inDomain(ids) }), domainId: 'domainId' },
  TokenRevocation: { of: 'User', by: 'user', domain: inDomain, domainId: 'domainId' },
  UserSetting: { of: 'User', by: 'user' },
  // Of its domain alone: by whose authority it stands changes nothing in who administers it.
  Invitation: { domain: inDomain, domainId: 'domainId' },
  FieldRead: { of: 'User', by: 'user' },
  AuditEvent: { of: 'User', by: 'user', actor: 'actor', domain: inDomain, domainId: 'domainId' },
};

function inDomain(ids: string[]) {
  return { domainId: { in: ids } };
}

/** What a row of a model belongs to, by the table: the model, the relation and its column; undefined for what belongs to nothing. */
export function parentOf(model: Model): { readonly model: Model; readonly by: string; readonly column: string } | undefined {
  const { of, by } = ownership[model] as { of?: Model; by?: string };
  return of && by ? { model: of, by, column: `${by}Id` } : undefined;
}

/** A condition on the user whose a row is, as one on the row; undefined for what belongs to nobody. */
export function whereOwnerMatches<M extends Model>(model: M, user: Prisma.UserWhereInput): Where[M] | undefined {
  if (model === 'User') return user as Where[M];
  const up = parentOf(model);
  const inner = up && whereOwnerMatches(up.model, user);
  return inner && ({ [up.by]: inner } as Where[M]);
}

/** That a row is this user's. Without a join where the row has the id, for an index finds rows by that, also as one part of a choice. */
export function whereOwnedBy(model: Model, userId: string): Record<string, unknown> | undefined {
  if (model === 'User') return { id: userId };
  const up = parentOf(model);
  if (up?.model === 'User') return { [up.column]: userId };
  const inner = up && whereOwnedBy(up.model, userId);
  return inner && { [up.by]: inner };
}

/** The id of the user whose a row is, where the row at hand says it. */
export function ownerIdOf(model: Model, row: Row | undefined): string | undefined {
  if (model === 'User') return row?.id;
  const up = parentOf(model);
  return up?.model === 'User' ? (row?.[up.column] as string | undefined) : undefined;
}

/** The relations of a model to the users who took part in what a row records. */
const partsOf = (model: Model) => {
  const { by, actor } = ownership[model] as { by?: string; actor?: string };
  return [by, actor].filter((part) => part !== undefined);
};

/** The ids of those users, where the row at hand names them; undefined for one that it may name and does not hold. */
export const participantIds = (model: Model, row: Row) =>
  partsOf(model).flatMap((part) => (row[`${part}Id`] === null ? [] : [row[`${part}Id`]]));

/** The same as conditions on the row, each met where one of them is such a user. */
export const whereParticipant = (model: Model, user: Prisma.UserWhereInput) => partsOf(model).map((part) => ({ [part]: user }));
