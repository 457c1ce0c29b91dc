import { above, type Model, ownedBy, ownerIdOf, tookPart, type Where, whereOwnedBy, whereOwner, whereTookPart } from './ownership.ts';
import { type Condition, held, inside, knowsInside, permittedIn, rankFrom, type Subject } from './grants-scope.ts';
import { evaluate, type Rule } from '../authorization/rules/rule.ts';
import { ranks, type Viewer } from '../identity/viewer.ts';

interface Meaning {
  /** Completes "the viewer …". */
  readonly says: string;
  /** True where the viewer alone decides, whatever the row. */
  readonly aboutViewer?: true;
  /** The verdict as far as it is known without asking the database. `viewer` is null for nobody. */
  readonly known: (viewer: Viewer | null, of: string, subject?: Subject) => boolean | undefined;
  /** The same as a Prisma condition on a model. */
  readonly where?: (viewer: Viewer, model: Model, of: string) => Condition;
}

/** What each atom means. */
export const meanings: Readonly<Record<string, Meaning>> = {
  anyone: { says: 'is anyone', aboutViewer: true, known: () => true },
  signedIn: { says: 'is signed in', aboutViewer: true, known: (viewer) => viewer !== null },
  session: { says: 'came with a session, not an API token', aboutViewer: true, known: (viewer) => viewer?.scopes === null },
  apiToken: { says: 'came with an API token', aboutViewer: true, known: (viewer) => !!viewer?.scopes },
  fresh: { says: 'proved who they are a short while ago', aboutViewer: true, known: (viewer) => viewer?.fresh === true },
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
    known: (viewer) => !!viewer && (viewer.rank >= ranks.ADMIN || viewer.administers.length > 0),
  },
  delegates: {
    says: 'holds a grant that may be passed on',
    aboutViewer: true,
    known: (viewer) => !!viewer && held(viewer).some(({ delegable }) => delegable > 0),
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
    known: (viewer, _, subject) => knowsInside(viewer?.administers ?? [], subject),
    where: (viewer, model) => inside(viewer, viewer.administers, model),
  },
  outranks: {
    says: 'is an administrator of a higher rank than the owner',
    known: (viewer, _, subject) =>
      !viewer || viewer.rank < ranks.ADMIN || (subject && ownerIdOf(subject.model, subject.row) === viewer.user.id) ? false : undefined,
    where: (viewer, model) =>
      viewer.rank < ranks.ADMIN ? false : (whereOwner(model, { grants: { none: rankFrom(viewer, viewer.rank) } }) ?? false),
  },
  active: {
    says: 'asks about something active',
    known: (_, __, subject) => (subject?.row?.active === undefined ? undefined : subject.row.active === true),
    where: () => ({ active: true }),
  },
  withoutSuperadmin: {
    says: 'asks about something in which no superadmin took part',
    known: (_, __, subject) => (subject?.row && tookPart(subject.model, subject.row).length === 0 ? true : undefined),
    where: (viewer, model) => ({ NOT: { OR: whereTookPart(model, { grants: { some: rankFrom(viewer, ranks.SUPERADMIN) } }) } }),
  },
  holds: {
    says: 'holds the role',
    known: (viewer, _, subject) => (viewer ? subject?.row && held(viewer).some((grant) => grant.roleId === subject.row?.id) : false),
    where: (viewer) => ({ id: { in: held(viewer).map((grant) => grant.roleId) } }),
  },
};

/** The verdict as far as it is known without the database: undefined where only a row can tell. */
export const known = (rule: Rule, viewer: Viewer | null, subject?: Subject): boolean | undefined =>
  evaluate(rule, (atom) => meanings[atom.is]?.known(viewer, atom.of ?? '', subject));

/** The rule as a condition: true for every row, false for none, or what Prisma is to ask. */
export function condition<M extends Model>(rule: Rule, viewer: Viewer | null, model: M): Where[M] | boolean {
  if ('is' in rule) {
    const meaning = meanings[rule.is];
    if (!meaning?.where) return meaning?.known(viewer, rule.of ?? '') ?? false;
    const forNobody = viewer === null && rule.is !== 'active';
    return forNobody ? false : (meaning.where(viewer as Viewer, model, rule.of ?? '') as Where[M] | boolean);
  }
  const [parts, decisive] = 'any' in rule ? [rule.any, true] : [rule.all, false];
  const conditions = parts.map((part) => condition(part, viewer, model));
  if (conditions.includes(decisive)) return decisive;
  const open = conditions.filter((part) => typeof part !== 'boolean');
  if (open.length === 0) return !decisive;
  return (open.length === 1 ? open[0] : { [decisive ? 'OR' : 'AND']: open }) as Where[M];
}

const sameAs = (id: string, other: string | undefined) => (other === undefined ? undefined : id === other);

function knowsMay(viewer: Viewer | null, permission: string, subject?: Subject) {
  const where = viewer ? permittedIn(viewer, permission) : [];
  return where === 'everywhere' || (!isOfNoDomain(subject?.model) && knowsInside(where, subject));
}

function permitted(viewer: Viewer, model: Model, permission: string): Condition {
  const where = permittedIn(viewer, permission);
  return where === 'everywhere' || (!isOfNoDomain(model) && inside(viewer, where, model));
}

/** What belongs to no domain is not reached by a permission that is held in one. */
const isOfNoDomain = (model: Model | undefined) => model !== undefined && ownedBy[model].domain === 'everywhere';

/** Whether the viewer may write the row, or what it belongs to: the first on the way up that says who. */
function knowsWritable(viewer: Viewer, { model, row }: Subject): boolean | undefined {
  const { writable } = ownedBy[model];
  if (writable) return known(writable, viewer, { model, row });
  const up = above(model);
  const id = up && row?.[up.column];
  return up ? knowsWritable(viewer, { model: up.model, row: typeof id === 'string' ? { id } : undefined }) : false;
}

function writable(viewer: Viewer, model: Model): Condition {
  const { writable: rule } = ownedBy[model];
  if (rule) return condition(rule, viewer, model) as Condition;
  const up = above(model);
  const inner = up ? writable(viewer, up.model) : false;
  return up && typeof inner !== 'boolean' ? { [up.by]: inner } : inner;
}
