import { evaluate, type Rule } from '../authorization/rules/rule.ts';
import { ranks, type Viewer } from '../identity/viewer.ts';
import {
  activeGrants,
  type Condition,
  domainsWithPermission,
  isInDomains,
  type RowSubject,
  whereInDomains,
  whereRankAtLeast,
} from './grants-scope.ts';
import {
  type Model,
  ownerIdOf,
  ownership,
  parentOf,
  participantIds,
  type Where,
  whereOwnedBy,
  whereOwnerMatches,
  whereParticipant,
} from './ownership.ts';

interface Meaning {
  /** Completes "the viewer …". */
  readonly says: string;
  /** True where the viewer alone decides, whatever the row. */
  readonly aboutViewer?: true;
  /** The verdict as far as it is known without asking the database. `viewer` is null for nobody. */
  readonly known: (viewer: Viewer | null, of: string, subject?: RowSubject) => boolean | undefined;
  /** The same as a Prisma condition on a model. */
  readonly where?: (viewer: Viewer, model: Model, of: string) => Condition;
}

/** What each atom means. */
export const evaluators: Readonly<Record<string, Meaning>> = {
  anyone: { says: 'is anyone', aboutViewer: true, known: () => true },
  signedIn: { says: 'is signed in', aboutViewer: true, known: (viewer) => viewer !== null },
  session: { says: 'came with a session, not an API token', aboutViewer: true, known: (viewer) => viewer?.scopes === null },
  apiToken: { says: 'came with an API token', aboutViewer: true, known: (viewer) => !!viewer?.scopes },
  fresh: { says: 'proved who they are a short while ago', aboutViewer: true, known: (viewer) => viewer?.recentlyAuthenticated === true },
  confirmed: {
    says: 'has a proven e-mail address',
    aboutViewer: true,
    known: (viewer) => viewer !== null && viewer.user.emailConfirmedAt !== null,
  },
  admin: { says: 'is a platform administrator', aboutViewer: true, known: (viewer) => !!viewer && viewer.rank >= ranks.ADMIN },
  superadmin: { says: 'is a superadmin', aboutViewer: true, known: (viewer) => viewer?.rank === ranks.SUPERADMIN },
  administers: {
    says: 'administers the platform, or a domain',
    aboutViewer: true,
    known: (viewer) => !!viewer && (viewer.rank >= ranks.ADMIN || viewer.administeredDomainIds.length > 0),
  },
  delegates: {
    says: 'holds a grant that may be passed on',
    aboutViewer: true,
    known: (viewer) => !!viewer && activeGrants(viewer).some(({ delegable }) => delegable > 0),
  },
  scope: {
    says: 'came with a session, or with an API token made for it',
    aboutViewer: true,
    known: (viewer, of) => viewer !== null && (viewer.scopes === null || viewer.scopes.has(of)),
  },
  may: { says: 'holds a role that permits it, everywhere or in the domain', aboutViewer: true, known: knowsMay, where: permitted },
  self: {
    says: 'is the owner',
    known: (viewer, _, subject) => (viewer ? sameAs(viewer.user.id, subject && ownerIdOf(subject.model, subject.row)) : false),
    where: (viewer, model) => whereOwnedBy(model, viewer.user.id) ?? false,
  },
  owner: {
    says: 'may write the owner',
    known: (viewer, _, subject) => (viewer ? subject && knowsWritable(viewer, subject) : false),
    where: writable,
  },
  domainAdmin: {
    says: 'administers the domain, and the owner has no rank there',
    known: (viewer, _, subject) => isInDomains(viewer?.administeredDomainIds ?? [], subject),
    where: (viewer, model) => whereInDomains(viewer, viewer.administeredDomainIds, model),
  },
  outranks: {
    says: 'is an administrator of a higher rank than the owner',
    known: (viewer, _, subject) =>
      !viewer || viewer.rank < ranks.ADMIN || (subject && ownerIdOf(subject.model, subject.row) === viewer.user.id) ? false : undefined,
    where: (viewer, model) =>
      viewer.rank < ranks.ADMIN ? false : (whereOwnerMatches(model, { grants: { none: whereRankAtLeast(viewer, viewer.rank) } }) ?? false),
  },
  active: {
    says: 'asks about something active',
    known: (_, __, subject) => (subject?.row?.active === undefined ? undefined : subject.row.active === true),
    where: () => ({ active: true }),
  },
  withoutSuperadmin: {
    says: 'asks about something in which no superadmin took part',
    known: (_, __, subject) => (subject?.row && participantIds(subject.model, subject.row).length === 0 ? true : undefined),
    where: (viewer, model) => ({ NOT: { OR: whereParticipant(model, { grants: { some: whereRankAtLeast(viewer, ranks.SUPERADMIN) } }) } }),
  },
  holds: {
    says: 'holds the role',
    known: (viewer, _, subject) =>
      viewer ? subject?.row && activeGrants(viewer).some((grant) => grant.roleId === subject.row?.id) : false,
    where: (viewer) => ({ id: { in: activeGrants(viewer).map((grant) => grant.roleId) } }),
  },
};

/** The verdict as far as it is known without the database: undefined where only a row can tell. */
export const evaluateInMemory = (rule: Rule, viewer: Viewer | null, subject?: RowSubject): boolean | undefined =>
  evaluate(rule, (atom) => evaluators[atom.is]?.known(viewer, atom.of ?? '', subject));

/** The rule as a condition: true for every row, false for none, or what Prisma is to ask. */
export function toWhere<M extends Model>(rule: Rule, viewer: Viewer | null, model: M): Where[M] | boolean {
  if ('is' in rule) {
    const meaning = evaluators[rule.is];
    if (!meaning?.where) return meaning?.known(viewer, rule.of ?? '') ?? false;
    const forNobody = viewer === null && rule.is !== 'active';
    return forNobody ? false : (meaning.where(viewer as Viewer, model, rule.of ?? '') as Where[M] | boolean);
  }
  const [parts, decisive] = 'any' in rule ? [rule.any, true] : [rule.all, false];
  const conditions = parts.map((part) => toWhere(part, viewer, model));
  if (conditions.includes(decisive)) return decisive;
  const open = conditions.filter((part) => typeof part !== 'boolean');
  if (open.length === 0) return !decisive;
  return (open.length === 1 ? open[0] : { [decisive ? 'OR' : 'AND']: open }) as Where[M];
}

const sameAs = (id: string, other: string | undefined) => (other === undefined ? undefined : id === other);

function knowsMay(viewer: Viewer | null, permission: string, subject?: RowSubject) {
  const where = viewer ? domainsWithPermission(viewer, permission) : [];
  return where === 'everywhere' || (!isOfNoDomain(subject?.model) && isInDomains(where, subject));
}

function permitted(viewer: Viewer, model: Model, permission: string): Condition {
  const where = domainsWithPermission(viewer, permission);
  return where === 'everywhere' || (!isOfNoDomain(model) && whereInDomains(viewer, where, model));
}

/** What belongs to no domain is not reached by a permission that is held in one. */
const isOfNoDomain = (model: Model | undefined) => model !== undefined && ownership[model].domain === 'everywhere';

/** Whether the viewer may write the row, or what it belongs to: the first on the way up that says who. */
function knowsWritable(viewer: Viewer, { model, row }: RowSubject): boolean | undefined {
  const { writable } = ownership[model];
  if (writable) return evaluateInMemory(writable, viewer, { model, row });
  const up = parentOf(model);
  const id = up && row?.[up.column];
  return up ? knowsWritable(viewer, { model: up.model, row: typeof id === 'string' ? { id } : undefined }) : false;
}

function writable(viewer: Viewer, model: Model): Condition {
  const { writable: rule } = ownership[model];
  if (rule) return toWhere(rule, viewer, model) as Condition;
  const up = parentOf(model);
  const inner = up ? writable(viewer, up.model) : false;
  return up && typeof inner !== 'boolean' ? { [up.by]: inner } : inner;
}
